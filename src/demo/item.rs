use serde::Serialize;

const THINGS: [&str; 8] =
    ["lantern", "compass", "kettle", "anchor", "blanket", "ladder", "barrel", "sextant"];

/// Something to buy. The same id always gives the same answer, of about 200 bytes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    id: u64,
    sku: String,
    name: String,
    price_cents: u64,
    in_stock: u64,
    description: String,
}

impl Item {
    pub(super) fn of(id: u64) -> Self {
        // A multiplicative hash: neighbours get unlike prices.
        let mix = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let thing = THINGS[(mix % 8) as usize];
        Self {
            id,
            sku: format!("{thing}-{id}"),
            name: format!("The {thing} of lot {id}"),
            price_cents: 100 + mix % 9_900,
            in_stock: mix / 8 % 500,
            description: format!(
                "A {thing} that has crossed the line twice and still serves well."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_fixed_and_of_like_size() {
        assert_eq!(Item::of(7), Item::of(7));
        assert_ne!(Item::of(7).price_cents, Item::of(8).price_cents);
        for id in [1, 500, 1000] {
            let size = serde_json::to_string(&Item::of(id)).unwrap().len();
            assert!((150..250).contains(&size), "{size}");
        }
    }
}
