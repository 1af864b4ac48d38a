//! Which addresses of servers can be used: `https`, and without encryption only this computer and its network.

use std::net::{IpAddr, Ipv4Addr};

use molt_core::RemoteAddress;
use reqwest::Url;

/// Where the interface lies if an address names only a server.
const USUAL_PATH: &str = "v1";

/// An address as it is used, or one plain sentence why it cannot be.
pub fn check(text: &str) -> Result<RemoteAddress, String> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or("the address must begin with https:// or http://, as in https://api.example.com/v1")?;
    let name = url.host_str().ok_or("the address names no server")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not contain a user name or a password; give the key apart from it".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the address must end with its path, without ? or #".into());
    }
    if url.scheme() == "http" && !is_inside(&url) {
        return Err(format!(
            "{name} may only be used with https://, because what is sent could be read on the way; http:// is for this \
             computer and for private addresses such as 192.168.1.5"
        ));
    }
    let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    let path = url.path().trim_matches('/');
    let path = if path.is_empty() { USUAL_PATH } else { path };
    Ok(RemoteAddress { url: format!("{}/{path}", url.origin().ascii_serialization()), host })
}

/// This computer, or a private address given as a number. A name that is looked up may mean another place tomorrow.
pub fn is_inside(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => is_inside_v4(ip),
        Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or(ip.is_loopback() || ip.is_unique_local(), is_inside_v4),
        Err(_) => host == "localhost",
    }
}

/// Not the link-local ones: machines in data centres are told their secrets there.
fn is_inside_v4(ip: Ipv4Addr) -> bool {
    ip.is_loopback() || ip.is_private()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (typed, url, host) in [
            ("https://api.example.com/v1", "https://api.example.com/v1", "api.example.com"),
            (" https://API.example.com/v1/ ", "https://api.example.com/v1", "api.example.com"),
            ("https://example.com:8443/openai/v1", "https://example.com:8443/openai/v1", "example.com:8443"),
            ("http://localhost:11434", "http://localhost:11434/v1", "localhost:11434"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
            ("http://192.168.1.5:1234/v1", "http://192.168.1.5:1234/v1", "192.168.1.5:1234"),
            ("http://[::1]:8080", "http://[::1]:8080/v1", "[::1]:8080"),
            ("http://[fd00::1]", "http://[fd00::1]/v1", "[fd00::1]"),
            // A number in another notation is the same number.
            ("http://0x7f.1:80/", "http://127.0.0.1/v1", "127.0.0.1"),
        ] {
            assert_eq!(check(typed), Ok(RemoteAddress { url: url.into(), host: host.into() }), "{typed}");
        }
    }

    #[test]
    fn what_could_be_read_on_the_way_is_refused() {
        for typed in [
            "http://api.example.com/v1",
            "http://8.8.8.8/v1",
            "http://router/v1",
            "http://nas.local/v1",
            "http://localhost.example.com/v1",
            "http://127.0.0.1.example.com/v1",
            "http://169.254.169.254/v1",
            "http://0.0.0.0/v1",
            "http://[2606:4700::1]/v1",
            "http://[::ffff:8.8.8.8]/v1",
        ] {
            let refused = check(typed).unwrap_err();
            assert!(refused.contains("https://"), "{typed}: {refused}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in [
            "",
            "api.example.com",
            "ftp://x/",
            "file:///etc",
            "https://",
            "https://user:pass@x.com/v1",
            "https://key@x.com/v1",
            "https://x.com/v1?key=1",
            "https://x.com/v1#a",
            "javascript:alert(1)",
        ] {
            assert!(check(typed).is_err(), "{typed}");
        }
    }
}
