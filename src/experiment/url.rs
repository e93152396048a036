//! Addresses in the file: checked here, asked elsewhere.

use super::source::{Context, Found, Span, excerpt};

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Name or address, without brackets.
    pub name: String,
    /// Port, if given.
    pub port: Option<u16>,
}

impl Host {
    /// The service, for `SERVICE.target`.
    pub(super) fn service(&self) -> Option<&str> {
        self.name.strip_suffix(".target").filter(|service| !service.is_empty())
    }
}

/// The host of an `http://` or `https://` URL; a problem if it is none. `text` may end within the
/// path, where a template is filled in later.
pub(super) fn http(text: &str, span: Span, found: &mut Found) -> Option<Host> {
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        let message = format!("{} is not an http:// or https:// URL", excerpt(text));
        found.add(span, message, "write it in full: http://host:port/path");
        return None;
    };
    if let Some(bad) = text.chars().find(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
        let message = format!("a URL can't hold {bad:?}");
        found.add(span, message, "percent-encode it: a space is %20");
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match authority(&rest[..end]) {
        Ok(host) if host.service().is_some() && host.port.is_none() => {
            let message = format!("{} needs a port", excerpt(&rest[..end]));
            found.add(span, message, "write http://SERVICE.target:PORT/path");
            None
        }
        Ok(host) => Some(host),
        Err(reason) => {
            found.add(span, format!("{} {reason}", excerpt(&rest[..end])), None::<&str>);
            None
        }
    }
}

/// Reads `host`, `host:port` or `[address]:port`.
pub(super) fn authority(text: &str) -> Result<Host, &'static str> {
    if text.contains('@') {
        return Err("holds a user name: send credentials in a header");
    }
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or("lacks its `]`")?;
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err("is not an IPv6 address in brackets");
        }
        match rest.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None if rest.is_empty() => (address, None),
            None => return Err("has something after its `]`"),
        }
    } else {
        match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        }
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err("is not a host");
    }
    let port = match port {
        Some(port) => Some(
            port.parse()
                .ok()
                .filter(|p: &u16| *p > 0)
                .ok_or("has no port from 1 to 65535 after `:`")?,
        ),
        None => None,
    };
    Ok(Host { name: name.to_owned(), port })
}

/// Has it checked, once the target is known, that a `SERVICE.target` is one of its services, and that no service is
/// called by the name that only its neighbours know.
pub(super) fn later(host: Host, span: Span, cx: &mut Context) {
    cx.later(move |known, found| match host.service() {
        Some(service) => known.service(service, span, found),
        None if known.target.services.iter().flatten().any(|service| *service == host.name) => {
            let message = format!("{} is a name within the target", excerpt(&host.name));
            found.add(span, message, format!("from outside its service is {}.target", host.name));
        }
        None => {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_not_called_by_its_inner_name() {
        let parsed = |host: &str| {
            let text = format!(
                "version: 1\nname: u\ntarget: {{ process: {{ services: {{ api: {{ command: [x] }} }} }} }}\n\
                 load:\n  profile: [ hold: {{ rate: 1/s, for: 1m }} ]\n  \
                 scenarios: {{ s: {{ steps: [ http: {{ get: \"http://{host}:80/\" }} ] }} }}\n"
            );
            crate::experiment::parse(&text, std::path::Path::new("/e.yaml"))
        };
        assert!(parsed("api.target").is_ok() && parsed("elsewhere").is_ok());
        let told = format!("{:?}", parsed("api").unwrap_err());
        assert!(told.contains("is a name within the target"), "{told}");
    }

    #[test]
    fn hosts_are_read_and_others_refused() {
        let host = |text| authority(text).map(|h| (h.name, h.port));
        assert_eq!(host("h:80"), Ok(("h".to_owned(), Some(80))));
        assert_eq!(host("[::1]:80"), Ok(("::1".to_owned(), Some(80))));
        assert_eq!(host("a.b"), Ok(("a.b".to_owned(), None)));
        for bad in
            ["", ":80", "h:", "h:0", "h:99999", "u:p@h", "[::1", "[x]", "a b", "a/b", "[::1]x"]
        {
            assert!(host(bad).is_err(), "{bad}");
        }
        let service = authority("api.target:80").unwrap();
        assert_eq!(service.service(), Some("api"));
        assert_eq!(authority("target:80").unwrap().service(), None);
    }
}
