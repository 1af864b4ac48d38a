//! The tray's picture, with a dot in its corner while a reminder waits.

use tauri::image::Image;

const ICON: &[u8] = include_bytes!("../../icons/64x64.png");
/// Red that stands out on light and dark panels alike.
const DOT: [f32; 3] = [214.0, 69.0, 65.0];
/// The dot's radius and the distance of its middle from the right and upper edges, in parts of the picture's width.
const RADIUS: f32 = 0.24;
const INSET: f32 = 0.26;
/// A clear ring around the dot keeps it apart from the picture.
const RING: f32 = 0.06;

/// The picture for this number of waiting reminders.
pub fn icon(waiting: u32) -> tauri::Result<Image<'static>> {
    let plain = Image::from_bytes(ICON)?;
    if waiting == 0 {
        return Ok(plain);
    }
    let (width, height) = (plain.width(), plain.height());
    let mut pixels = plain.rgba().to_vec();
    draw_dot(&mut pixels, width);
    Ok(Image::new_owned(pixels, width, height))
}

/// Draws into rows of `width` pixels of red, green, blue and opacity.
fn draw_dot(pixels: &mut [u8], width: u32) {
    let size = width as f32;
    let (middle_x, middle_y) = (size * (1.0 - INSET), size * INSET);
    for (index, pixel) in pixels.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((index as u32 % width) as f32 + 0.5, (index as u32 / width) as f32 + 0.5);
        let distance = (x - middle_x).hypot(y - middle_y);
        // How much of the pixel lies within each circle; edges are one pixel soft.
        let within = |radius: f32| (radius - distance + 0.5).clamp(0.0, 1.0);
        let (dot, cleared) = (within(size * RADIUS), within(size * (RADIUS + RING)));
        let opacity = f32::from(pixel[3]) * (1.0 - cleared);
        let total = (opacity + 255.0 * dot).min(255.0);
        if total > 0.0 {
            let share = 255.0 * dot / total;
            for (channel, colour) in pixel.iter_mut().zip(DOT) {
                *channel = (colour * share + f32::from(*channel) * (1.0 - share)).round() as u8;
            }
        }
        pixel[3] = total.round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dot_appears_only_while_something_waits() {
        let (plain, dotted) = (icon(0).unwrap(), icon(3).unwrap());
        assert_eq!((plain.width(), plain.height()), (dotted.width(), dotted.height()));
        assert_ne!(plain.rgba(), dotted.rgba());
        let size = dotted.width();
        let (x, y) = ((size as f32 * (1.0 - INSET)) as u32, (size as f32 * INSET) as u32);
        let at = |image: &Image<'_>, x: u32, y: u32| image.rgba()[((y * size + x) * 4) as usize..][..4].to_vec();
        assert_eq!(at(&dotted, x, y), [214, 69, 65, 255]);
        // The opposite corner of the picture is as it was.
        assert_eq!(at(&dotted, size / 4, size * 3 / 4), at(&plain, size / 4, size * 3 / 4));
    }
}
