use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The cookies of one virtual session (RFC 6265, as far as a load needs it).
///
/// A cookie goes back to the host that set it, below its `Path`. It lasts as long as the session, unless the target takes
/// it back with `Max-Age=0` or an `Expires` in the past. At most [`MOST`] are kept, of at most [`LONGEST`] bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Clone, Debug)]
struct Cookie {
    /// Whose: the number of a host.
    site: usize,
    name: String,
    value: String,
    path: String,
}

/// Cookies of a session at most; what comes on top takes the place of the oldest.
const MOST: usize = 50;
/// Bytes of name and value at most; a longer one is not kept.
const LONGEST: usize = 4096;

impl Jar {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the value of a `set-cookie` field; `now` is the time of day.
    pub(super) fn take(&mut self, site: usize, field: &[u8], now: impl Fn() -> Timestamp) {
        let Ok(field) = std::str::from_utf8(field) else { return };
        let mut parts = field.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        let plain = |b: u8| b > b' ' && b != 0x7f;
        if name.is_empty()
            || name.len() + value.len() > LONGEST
            || !name.bytes().chain(value.bytes()).all(|b| plain(b) || b == b' ')
        {
            return;
        }
        let (mut path, mut age, mut expires) = ("/", None, None);
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.trim().starts_with('/') => path = value.trim(),
                "max-age" => age = value.trim().parse::<i64>().ok(),
                "expires" => expires = rfc2822::parse(value.trim()).ok(),
                _ => {}
            }
        }
        // Max-Age counts before Expires.
        let over =
            age.map_or_else(|| expires.is_some_and(|at| at.timestamp() <= now()), |s| s <= 0);
        self.0.retain(|c| c.site != site || c.name != name || c.path != path);
        if !over {
            if self.0.len() == MOST {
                self.0.remove(0);
            }
            let (name, value, path) = (name.to_owned(), value.to_owned(), path.to_owned());
            self.0.push(Cookie { site, name, value, path });
        }
    }

    /// Writes the `cookie` field of a request to `path`, if there are cookies for it.
    pub(super) fn write(&self, site: usize, path: &[u8], out: &mut Vec<u8>) {
        let mut first = true;
        for cookie in self.0.iter().filter(|c| c.site == site && below(path, c.path.as_bytes())) {
            out.extend_from_slice(if first { b"cookie: " } else { b"; " });
            first = false;
            for piece in [&cookie.name, "=", &cookie.value] {
                out.extend_from_slice(piece.as_bytes());
            }
        }
        if !first {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Whether a path lies at or below another.
fn below(path: &[u8], base: &[u8]) -> bool {
    let path = path.split(|b| *b == b'?').next().unwrap_or_default();
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || base.ends_with(b"/") || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn sent(jar: &Jar, site: usize, path: &str) -> String {
        let mut out = Vec::new();
        jar.write(site, path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cookies_go_back_where_they_came_from() {
        let mut jar = Jar::default();
        jar.take(0, b"sid=a1; Path=/; HttpOnly", now);
        jar.take(0, b"lang=de; path=/shop; Secure", now);
        jar.take(1, b"sid=other", now);
        assert_eq!(sent(&jar, 0, "/"), "cookie: sid=a1\r\n");
        assert_eq!(sent(&jar, 0, "/shop/cart?x=1"), "cookie: sid=a1; lang=de\r\n");
        assert_eq!(sent(&jar, 0, "/shopping"), "cookie: sid=a1\r\n");
        assert_eq!(sent(&jar, 1, "/x"), "cookie: sid=other\r\n");
        assert_eq!(sent(&jar, 2, "/x"), "");
        jar.take(0, b"sid=a2", now);
        assert_eq!(sent(&jar, 0, "/"), "cookie: sid=a2\r\n");
        jar.clear();
        assert_eq!(sent(&jar, 1, "/x"), "");
    }

    #[test]
    fn cookies_are_taken_back_and_nonsense_is_not_taken() {
        let mut jar = Jar::default();
        for name in ["a", "b", "c"] {
            jar.take(0, format!("{name}=1").as_bytes(), now);
        }
        jar.take(0, b"a=; Max-Age=0", now);
        jar.take(0, b"b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", now);
        jar.take(0, b"c=2; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=60", now);
        assert_eq!(sent(&jar, 0, "/"), "cookie: c=2\r\n");
        for nonsense in [&b"x"[..], b"=y", b"x=a\r\nb", b"x=\xff", &[b'x', b'=', 0]] {
            jar.take(0, nonsense, now);
        }
        jar.take(0, format!("x={}", "y".repeat(LONGEST)).as_bytes(), now);
        assert_eq!(sent(&jar, 0, "/"), "cookie: c=2\r\n");
        (0..200).for_each(|i| jar.take(0, format!("n{i}=1").as_bytes(), now));
        assert_eq!(jar.0.len(), MOST);
    }
}
