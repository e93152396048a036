use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Signs and checks tokens of the form `user.expiry.signature`. Nothing is kept: every replica with the same
/// secret accepts every token.
pub(super) struct TokenKey(Vec<u8>);

impl TokenKey {
    pub(super) fn new(secret: &str) -> Self {
        Self(secret.as_bytes().to_vec())
    }

    /// A token for `user` that is good until `expiry`, seconds of Unix time.
    pub(super) fn issue(&self, user: &str, expiry: i64) -> String {
        let claim = format!("{user}.{expiry}");
        let signature = self.sign(&claim);
        format!("{claim}.{signature}")
    }

    /// Whose token it is, if it is genuine and good at `now`, seconds of Unix time.
    pub(super) fn user<'a>(&self, token: &'a str, now: i64) -> Option<&'a str> {
        let (claim, signature) = token.rsplit_once('.')?;
        let (user, expiry) = claim.rsplit_once('.')?;
        let good = same(&self.sign(claim), signature);
        (good && expiry.parse::<i64>().ok()? > now).then_some(user)
    }

    /// HMAC-SHA256 (RFC 2104), in hex.
    fn sign(&self, message: &str) -> String {
        let mut key = [0_u8; 64];
        if self.0.len() > key.len() {
            key[..32].copy_from_slice(&Sha256::digest(&self.0));
        } else {
            key[..self.0.len()].copy_from_slice(&self.0);
        }
        let inner =
            Sha256::new().chain_update(key.map(|b| b ^ 0x36)).chain_update(message).finalize();
        let outer =
            Sha256::new().chain_update(key.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
        outer.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string can't fail.
            write!(hex, "{byte:02x}").unwrap_or_default();
            hex
        })
    }
}

/// Compares without telling by its time where the difference is.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_standard_one() {
        // RFC 4231, test case 2.
        assert_eq!(
            TokenKey::new("Jefe").sign("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_token_is_good_until_it_expires_and_only_as_issued() {
        let key = TokenKey::new("s");
        let token = key.issue("u.1", 100);
        assert_eq!(key.user(&token, 99), Some("u.1"));
        assert_eq!(key.user(&token, 100), None);
        assert_eq!(key.user(&token.replace("100", "999"), 99), None);
        assert_eq!(key.user(&token[..token.len() - 1], 99), None);
        assert_eq!(TokenKey::new("t").user(&token, 99), None);
        assert_eq!(key.user("", 99), None);
    }
}
