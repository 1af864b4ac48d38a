//! Numbers as words or figures of a language: the labels of lists, and dates that are kept as numbers.

/// A number in one of the ways that Office Open XML names; none when nothing is to be shown.
pub fn label(number: u32, format: &str) -> Option<String> {
    Some(match format {
        "bullet" | "none" => return None,
        "decimalZero" => format!("{number:02}"),
        "lowerLetter" => letters(number).to_lowercase(),
        "upperLetter" => letters(number),
        "lowerRoman" => roman(number).to_lowercase(),
        "upperRoman" => roman(number),
        "chineseCounting"
        | "chineseCountingThousand"
        | "ideographDigital"
        | "japaneseCounting"
        | "taiwaneseCounting"
        | "taiwaneseCountingThousand" => hanzi(number),
        _ => number.to_string(),
    })
}

/// A to Z, then AA, BB, as word processors count.
fn letters(number: u32) -> String {
    let Some(index) = number.checked_sub(1) else { return String::new() };
    let letter = char::from(b'A' + (index % 26) as u8);
    std::iter::repeat_n(letter, (index / 26 + 1).min(20) as usize).collect()
}

fn roman(number: u32) -> String {
    const FIGURES: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number > 4999 {
        return number.to_string();
    }
    let (mut rest, mut text) = (number, String::new());
    for (value, figure) in FIGURES {
        while rest >= value {
            rest -= value;
            text.push_str(figure);
        }
    }
    text
}

fn hanzi(number: u32) -> String {
    const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    if number == 0 || number > 9999 {
        return number.to_string();
    }
    let (mut text, mut gap) = (String::new(), false);
    for (value, unit) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = number / value % 10;
        if digit == 0 {
            gap = true;
            continue;
        }
        if gap && !text.is_empty() {
            text.push('零');
        }
        gap = false;
        // 十二 and not 一十二.
        if !(digit == 1 && value == 10 && text.is_empty()) {
            text.push(DIGITS[digit as usize]);
        }
        text.push_str(unit);
    }
    text
}

/// How the numbers of a cell are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Plain,
    /// With this many decimals.
    Percent(usize),
    Date,
    Time,
    DateTime,
}

/// What a format code of a spreadsheet (`yyyy-mm-dd`, `0.00%`) makes of numbers.
pub fn format_of(code: &str) -> Format {
    // The first section is for positive numbers; quoted words and colours in brackets are no codes.
    let (mut quoted, mut bracket, mut escaped, mut letters) = (false, false, false, String::new());
    for character in code.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => bracket = true,
            ']' if !quoted => bracket = false,
            // A length of time: [h]:mm.
            'h' | 'H' if bracket => letters.push('h'),
            ';' if !quoted => break,
            _ if quoted || bracket => {}
            _ => letters.push(character.to_ascii_lowercase()),
        }
    }
    if letters.contains("general") {
        return Format::Plain;
    }
    if letters.contains('%') {
        let decimals = letters.split_once('.').map_or(0, |(_, decimals)| decimals.matches(['0', '#']).count());
        return Format::Percent(decimals.min(10));
    }
    let date = letters.contains(['y', 'd']) || (letters.contains('m') && !letters.contains(['h', 's', '0', '#']));
    match (date, letters.contains(['h', 's'])) {
        (true, true) => Format::DateTime,
        (true, false) => Format::Date,
        (false, true) => Format::Time,
        (false, false) => Format::Plain,
    }
}

/// The formats that spreadsheets know by number only.
pub fn format_of_id(id: u32) -> Format {
    match id {
        9 => Format::Percent(0),
        10 => Format::Percent(2),
        14..=17 | 27..=31 | 36 | 50..=58 => Format::Date,
        18..=21 | 32..=35 | 45..=47 => Format::Time,
        22 => Format::DateTime,
        _ => Format::Plain,
    }
}

/// A number as it is shown. `from_1904` says which day is day 0.
pub fn shown(number: f64, format: Format, from_1904: bool) -> String {
    // Days since 1970-01-01.
    let day = (number.floor() as i64) - if from_1904 { 24_107 } else { 25_569 };
    // The 1900 calendar has a 29th of February that never was.
    let day = if from_1904 || number >= 60.0 { day } else { day + 1 };
    let seconds = ((number - number.floor()) * 86_400.0).round() as u32;
    let dates = (0.0..2_958_466.0).contains(&number);
    match format {
        Format::Percent(decimals) => format!("{:.decimals$}%", number * 100.0),
        Format::Date if dates => date(day),
        Format::Time if dates => time((number.floor() as u32).saturating_mul(86_400).saturating_add(seconds)),
        Format::DateTime if dates => format!("{} {}", date(day), time(seconds.min(86_399))),
        _ => plain(number),
    }
}

/// As programs show numbers: 15 digits, the rest is noise of the binary form.
fn plain(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

fn time(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if seconds == 0 { format!("{hours}:{minutes:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// From days since 1970-01-01, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn date(day: i64) -> String {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_as_people_do() {
        for (number, format, text) in [
            (7, "decimal", "7"),
            (7, "decimalZero", "07"),
            (28, "lowerLetter", "bb"),
            (4, "upperRoman", "IV"),
            (1994, "lowerRoman", "mcmxciv"),
            (3, "chineseCounting", "三"),
            (12, "chineseCountingThousand", "十二"),
            (105, "chineseCountingThousand", "一百零五"),
            (2020, "japaneseCounting", "二千零二十"),
            (1, "somethingNew", "1"),
        ] {
            assert_eq!(label(number, format).as_deref(), Some(text));
        }
        assert_eq!(label(1, "bullet"), None);
        for format in ["upperLetter", "upperRoman", "chineseCounting"] {
            assert!(label(u32::MAX, format).is_some_and(|text| text.chars().count() <= 20));
        }
    }

    #[test]
    fn format_codes_are_told_apart() {
        for (code, format) in [
            ("General", Format::Plain),
            ("#,##0.00", Format::Plain),
            ("[Red]-0.0;\"days\"", Format::Plain),
            ("0.00%", Format::Percent(2)),
            ("yyyy\\-mm\\-dd", Format::Date),
            ("[$-409]mmm", Format::Date),
            ("[h]:mm", Format::Time),
            ("h:mm AM/PM", Format::Time),
            ("mm:ss", Format::Time),
            ("d/m/yy h:mm", Format::DateTime),
            ("yyyy\"年\"m\"月\"d\"日\"", Format::Date),
        ] {
            assert_eq!(format_of(code), format, "{code}");
        }
        assert_eq!(format_of_id(14), Format::Date);
        assert_eq!(format_of_id(2), Format::Plain);
    }

    #[test]
    fn numbers_are_shown_as_programs_show_them() {
        assert_eq!(shown(0.1 + 0.2, Format::Plain, false), "0.3");
        assert_eq!(shown(123_456_789_012_346.0, Format::Plain, false), "123456789012346");
        assert_eq!(shown(0.155, Format::Percent(1), false), "15.5%");
        assert_eq!(shown(45_352.0, Format::Date, false), "2024-03-01");
        assert_eq!(shown(1.0, Format::Date, false), "1900-01-01");
        assert_eq!(shown(61.0, Format::Date, false), "1900-03-01");
        assert_eq!(shown(0.0, Format::Date, true), "1904-01-01");
        assert_eq!(shown(45_352.5, Format::DateTime, false), "2024-03-01 12:00");
        assert_eq!(shown(1.25, Format::Time, false), "30:00");
        for number in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            for format in [Format::Plain, Format::Percent(2), Format::Date, Format::Time, Format::DateTime] {
                assert!(!shown(number, format, false).is_empty());
            }
        }
    }
}
