//! `docs/reference/` is what the program says of itself. `LONGHAUL_BLESS=1` writes it anew.

use std::path::PathBuf;

#[test]
fn the_reference_is_up_to_date() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let bless = std::env::var_os("LONGHAUL_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, text) in longhaul::cli::pages() {
        let path = dir.join(name);
        if bless {
            std::fs::write(&path, &text).expect("a writable docs/reference");
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "stale: {stale:?}; renew with: LONGHAUL_BLESS=1 ./test.sh the_reference_is_up_to_date"
    );
}
