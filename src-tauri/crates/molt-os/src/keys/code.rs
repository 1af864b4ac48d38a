//! The recovery code: 160 random bits that are printed, kept on paper and typed again.
//!
//! Eight groups of five characters out of Crockford's 32 (no I, L, O, U). The last character of a group is its check in the field of
//! 32 elements: it tells every single wrong character, every swap of neighbours and every swap of groups, and in which group it is.

use zeroize::Zeroizing;

use super::KeyError;
use crate::key::random_bytes;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 8;
/// Characters of a group that carry bits.
const CARRYING: usize = 4;
const GROUP: usize = CARRYING + 1;
/// 8 groups of 4 characters of 5 bits.
pub const CODE_BYTES: usize = GROUPS * CARRYING * 5 / 8;

/// A new code: its bytes, and the text for people.
pub fn new() -> Result<(Zeroizing<[u8; CODE_BYTES]>, Zeroizing<String>), KeyError> {
    let bytes = Zeroizing::new(random_bytes::<CODE_BYTES>().map_err(KeyError::Random)?);
    let text = write(&bytes);
    Ok((bytes, text))
}

fn write(bytes: &[u8; CODE_BYTES]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    let mut values = fives(bytes);
    for group in 0..GROUPS {
        let mut carried = [0; CARRYING];
        for value in &mut carried {
            *value = values.next().unwrap_or_default();
        }
        if group > 0 {
            text.push('-');
        }
        for value in carried.into_iter().chain([check(group, &carried)]) {
            text.push(char::from(ALPHABET[usize::from(value)]));
        }
    }
    text
}

/// Reads what a person typed: capitals do not matter, nor do blanks and dashes; O is 0, I and L are 1.
pub fn read(typed: &str) -> Result<Zeroizing<[u8; CODE_BYTES]>, KeyError> {
    let typed: Zeroizing<Vec<char>> =
        Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '—' | '－')).collect());
    if typed.len() != GROUPS * GROUP {
        return Err(KeyError::CodeLength(typed.len()));
    }
    let mut bytes = Zeroizing::new([0; CODE_BYTES]);
    let mut bit = 0;
    for (group, characters) in typed.chunks(GROUP).enumerate() {
        let mut values = Zeroizing::new([0; GROUP]);
        for (value, character) in values.iter_mut().zip(characters) {
            *value = value_of(*character).ok_or(KeyError::MistypedCode(group + 1))?;
        }
        let (carried, [last]) = values.split_at(CARRYING) else { return Err(KeyError::MistypedCode(group + 1)) };
        if *last != check(group, carried) {
            return Err(KeyError::MistypedCode(group + 1));
        }
        for value in carried {
            for place in (0..5).rev() {
                bytes[bit / 8] |= (value >> place & 1) << (7 - bit % 8);
                bit += 1;
            }
        }
    }
    Ok(bytes)
}

fn value_of(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == character)?;
    u8::try_from(place).ok()
}

/// The bits in fives.
fn fives(bytes: &[u8; CODE_BYTES]) -> impl Iterator<Item = u8> {
    (0..CODE_BYTES * 8 / 5).map(|number| {
        (0..5).fold(0, |value, place| {
            let bit = number * 5 + place;
            value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1)
        })
    })
}

/// Each place has a factor of its own, and so has each group.
fn check(group: usize, carried: &[u8]) -> u8 {
    let start = ALPHABET.len() - 1 - group;
    carried.iter().fold(u8::try_from(start).unwrap_or_default(), |sum, value| times_two(sum ^ *value))
}

/// In the field of 32 elements made by x⁵ + x² + 1, where doubling goes through all of them but 0.
fn times_two(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_however_it_is_typed() {
        let (bytes, text) = new().unwrap();
        assert_eq!(text.len(), 47, "{}", *text);
        assert_eq!(read(&text).unwrap(), bytes);
        assert_eq!(read(&text.to_lowercase().replace('-', " ")).unwrap(), bytes);
        assert_eq!(read(&text.replace('0', "o").replace('1', "L").replace('-', "")).unwrap(), bytes);
        assert_ne!(*new().unwrap().1, *text);
        assert_eq!(CODE_BYTES * 8, 160);
    }

    #[test]
    fn a_typing_mistake_is_told_with_its_group() {
        let (_, text) = new().unwrap();
        let characters: Vec<char> = text.chars().collect();
        for (place, right) in characters.iter().enumerate().filter(|(_, c)| **c != '-') {
            let group = place / (GROUP + 1) + 1;
            for wrong in ALPHABET.iter().map(|c| char::from(*c)).chain(['U', '!', '中']).filter(|c| c != right) {
                let mut typed = characters.clone();
                typed[place] = wrong;
                let typed: String = typed.into_iter().collect();
                assert!(matches!(read(&typed), Err(KeyError::MistypedCode(told)) if told == group), "{typed}");
            }
        }
        for place in 1..characters.len() {
            let mut typed = characters.clone();
            typed.swap(place - 1, place);
            let differs = typed.iter().filter(|c| **c != '-').ne(characters.iter().filter(|c| **c != '-'));
            let typed: String = typed.into_iter().collect();
            assert_eq!(read(&typed).is_err(), differs, "{typed}");
        }
    }

    #[test]
    fn groups_in_another_order_and_missing_ones_are_told() {
        let (_, text) = new().unwrap();
        let mut groups: Vec<&str> = text.split('-').collect();
        groups.swap(2, 5);
        assert!(matches!(read(&groups.join("-")), Err(KeyError::MistypedCode(3))));
        assert!(matches!(read(&text[..41]), Err(KeyError::CodeLength(35))));
        assert!(matches!(read(""), Err(KeyError::CodeLength(0))));
    }
}
