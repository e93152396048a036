use std::fs;

/// Bytes received and sent over all interfaces but loopback in the network namespace of a process. The file
/// is opened anew each time: held open, it would keep a dead container's namespace alive.
pub(super) fn read(pid: u32) -> (Option<u64>, Option<u64>) {
    fs::read_to_string(format!("/proc/{pid}/net/dev")).map_or((None, None), |text| parse(&text))
}

fn parse(text: &str) -> (Option<u64>, Option<u64>) {
    let (mut received, mut sent) = (None, None);
    for line in text.lines().skip(2) {
        let Some((name, figures)) = line.split_once(':') else { continue };
        if name.trim() == "lo" {
            continue;
        }
        let mut figures = figures.split_ascii_whitespace().map(str::parse::<u64>);
        if let (Some(Ok(rx)), Some(Ok(tx))) = (figures.next(), figures.nth(7)) {
            received = Some(received.unwrap_or(0) + rx);
            sent = Some(sent.unwrap_or(0) + tx);
        }
    }
    (received, sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Inter-|   Receive                   |  Transmit\n face |bytes ...\n";

    #[test]
    fn all_interfaces_but_loopback_count() {
        let text = format!(
            "{HEAD}    lo:     900       9    0    0    0     0          0         0      900       9    0    0    0     0       0          0\n  \
             eth0:     200       2    0    0    0     0          0         0       70       1    0    0    0     0       0          0\n  \
             eth1:1000 2 0 0 0 0 0 0 30 1 0 0 0 0 0 0\n"
        );
        assert_eq!(parse(&text), (Some(1200), Some(100)));
    }

    #[test]
    fn with_loopback_alone_there_is_no_figure() {
        assert_eq!(
            parse(&format!("{HEAD}    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n")),
            (None, None)
        );
        assert_eq!(read(u32::MAX), (None, None));
    }
}
