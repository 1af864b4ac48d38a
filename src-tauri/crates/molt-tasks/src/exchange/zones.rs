//! The names of time zones in calendars: IANA names, names with a prefix, and those of Windows.

use jiff::tz::TimeZone;

/// Windows names of zones with many people (CLDR, windowsZones.xml).
const WINDOWS: [(&str, &str); 24] = [
    ("China Standard Time", "Asia/Shanghai"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("India Standard Time", "Asia/Kolkata"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("GMT Standard Time", "Europe/London"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Eastern Standard Time", "America/New_York"),
    ("Central Standard Time", "America/Chicago"),
    ("Mountain Standard Time", "America/Denver"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("UTC", "UTC"),
];

/// The IANA name of a zone, if it is known.
pub(super) fn known(name: &str) -> Option<String> {
    let name = name.trim();
    let iana = |name: &str| TimeZone::get(name).ok()?.iana_name().map(str::to_owned);
    if let Some((_, zone)) = WINDOWS.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)) {
        return iana(zone);
    }
    // "/freeassociation.sourceforge.net/Europe/Berlin".
    let mut rest = name;
    loop {
        if let Some(found) = iana(rest) {
            return Some(found);
        }
        rest = rest.split_once('/')?.1;
    }
}
