//! The store's line protocol: one request line, one answer line, in order, on a connection that stays open.

use std::fmt;

/// Longest line either way, bytes.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// What the store can be asked. Keys are free of white space; a value is the rest of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Is it there?
    Ping,
    /// Keep a value under a key.
    Set { key: String, value: String },
    /// What is kept under a key.
    Get { key: String },
    /// Append a value to a list.
    Add { list: String, value: String },
    /// How long a list is.
    Count { list: String },
}

impl Request {
    pub(super) fn parse(line: &str) -> Result<Self, &'static str> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = name.to_owned();
        let value = value.to_owned();
        match verb {
            "PING" if rest.is_empty() => Ok(Self::Ping),
            _ if name.is_empty() => Err("no name given"),
            "SET" => Ok(Self::Set { key: name, value }),
            "ADD" => Ok(Self::Add { list: name, value }),
            _ if rest.contains(' ') => Err("too many words"),
            "GET" => Ok(Self::Get { key: name }),
            "COUNT" => Ok(Self::Count { list: name }),
            _ => Err("unknown verb"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("PING"),
            Self::Set { key, value } => write!(f, "SET {key} {value}"),
            Self::Get { key } => write!(f, "GET {key}"),
            Self::Add { list, value } => write!(f, "ADD {list} {value}"),
            Self::Count { list } => write!(f, "COUNT {list}"),
        }
    }
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is there.
    Pong,
    /// Kept, on disk; for a list its length now.
    Ok(u64),
    /// The value.
    Value(String),
    /// There is none.
    None,
    /// Refused; nothing was kept.
    Err(String),
}

impl Reply {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "PONG" => Some(Self::Pong),
            "OK" => rest.parse().ok().map(Self::Ok),
            "VALUE" => Some(Self::Value(rest.to_owned())),
            "NONE" => Some(Self::None),
            "ERR" => Some(Self::Err(rest.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pong => f.write_str("PONG"),
            Self::Ok(n) => write!(f, "OK {n}"),
            Self::Value(value) => write!(f, "VALUE {value}"),
            Self::None => f.write_str("NONE"),
            Self::Err(text) => write!(f, "ERR {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back_as_themselves() {
        for line in ["PING", "SET k a value  of words", "GET k", "ADD orders {\"a\": 1}", "COUNT l"]
        {
            assert_eq!(Request::parse(line).unwrap().to_string(), line);
        }
        for line in ["PONG", "OK 17", "VALUE a b", "NONE", "ERR disk full"] {
            assert_eq!(Reply::parse(line).unwrap().to_string(), line);
        }
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        for line in ["", "SET", "GET", "GET a b", "DROP k", "PING x", "SET  v"] {
            assert!(Request::parse(line).is_err(), "{line}");
        }
        assert_eq!(Reply::parse("OK many"), None);
        assert_eq!(Reply::parse("HTTP/1.1 400"), None);
    }
}
