//! Whether the computer runs on its battery.

use std::path::Path;

/// True when a battery of the computer is being used up and no other source gives power; false where the system does not tell.
pub fn is_on_battery() -> bool {
    is_discharging(Path::new("/sys/class/power_supply"))
}

/// By the files of Linux, one folder for each supply. A mouse or a headset has a battery too: its scope is `Device`.
fn is_discharging(supplies: &Path) -> bool {
    let Ok(supplies) = std::fs::read_dir(supplies) else { return false };
    let mut discharging = false;
    for supply in supplies.flatten() {
        let says = |file: &str| std::fs::read_to_string(supply.path().join(file)).unwrap_or_default().trim().to_owned();
        match says("type").as_str() {
            "Battery" => discharging |= says("status") == "Discharging" && says("scope") != "Device",
            _ if says("online") == "1" => return false,
            _ => {}
        }
    }
    discharging
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_computers_own_battery_counts_and_only_while_nothing_else_gives_power() {
        let folder = tempfile::tempdir().unwrap();
        let put = |supply: &str, files: &[(&str, &str)]| {
            std::fs::create_dir_all(folder.path().join(supply)).unwrap();
            for (file, text) in files {
                std::fs::write(folder.path().join(supply).join(file), format!("{text}\n")).unwrap();
            }
        };
        assert!(!is_discharging(&folder.path().join("none")));
        assert!(!is_discharging(folder.path()));
        put("hidpp_battery_0", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging")]);
        put("AC", &[("type", "Mains"), ("online", "0")]);
        assert!(!is_discharging(folder.path()));
        put("BAT0", &[("type", "Battery"), ("status", "Full")]);
        put("BAT1", &[("type", "Battery"), ("status", "Discharging")]);
        assert!(is_discharging(folder.path()));
        put("ucsi", &[("type", "USB"), ("online", "1")]);
        assert!(!is_discharging(folder.path()));
        put("ucsi", &[("online", "0")]);
        assert!(is_discharging(folder.path()));
        put("BAT1", &[("status", "Charging")]);
        assert!(!is_discharging(folder.path()));
    }
}
