//! The rules themselves: one nftables table, in whatever namespace the connection belongs to.

use std::net::IpAddr;
use std::time::Duration;

use nlink::netlink::namespace::Netns;
use nlink::netlink::nftables::{
    BaseChain, Chain, Family, FilterHook, Object, ObjectState, PacketField, Policy, Priority, Rule,
    Set, SetElement, SetKeyType, Transaction,
};
use nlink::{Connection, Nftables};

use super::cut::check_table;
use super::error::chain;
use super::{Cut, CutState, HelperError, TABLE_PREFIX};

const FAMILY: Family = Family::Inet;
const CHAIN: &str = "input";
const COUNTER: &str = "dropped";
const IPV4: &str = "peers4";
const IPV6: &str = "peers6";
/// `ICMPv6` types (RFC 4861, section 4) that pass, as ARP does, which IPv4 cuts never meet: a peer that
/// can't find our link address would be told "host unreachable", and lost packets tell nothing.
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Each attempt that fails lost a race with an expiry, another renewal or a removal.
const ATTEMPTS: usize = 5;

/// Our tables in one network namespace.
pub(super) struct Rules {
    kernel: Connection<Nftables>,
}

impl Rules {
    /// Opens the kernel's door in `namespace`. The socket is made on a thread of its own in there and
    /// stays there; the calling thread never leaves its namespace.
    pub(super) fn open(namespace: &Netns) -> Result<Self, HelperError> {
        let kernel =
            Connection::<Nftables>::new_in(namespace).map_err(|e| HelperError::Enter(chain(&e)))?;
        Ok(Self { kernel })
    }

    /// See [`super::Namespace::arm`].
    pub(super) async fn arm(&self, cut: &Cut) -> Result<(), HelperError> {
        cut.check()?;
        let mut attempt = 1;
        loop {
            match self.create_or_renew(cut).await {
                Ok(()) => return Ok(()),
                Err(e)
                    if attempt < ATTEMPTS
                        && (e.is_not_found() || e.is_already_exists() || e.is_busy()) =>
                {
                    attempt += 1;
                }
                Err(e) => {
                    return Err(HelperError::kernel(format!("arm table {}", cut.table), &e));
                }
            }
        }
    }

    async fn create_or_renew(&self, cut: &Cut) -> nlink::Result<()> {
        let new = self.kernel.transaction();
        if !self.has(&cut.table).await? {
            return create(new, cut)?.commit(&self.kernel).await;
        }
        let listed = match self.elements(&cut.table).await {
            Ok(listed) => listed,
            // Not the layout that this version makes: replace it in one step.
            Err(e) if e.is_not_found() => {
                let new = new.del_table(&cut.table, FAMILY);
                return create(new, cut)?.commit(&self.kernel).await;
            }
            Err(e) => return Err(e),
        };
        renew(new, cut, listed).commit(&self.kernel).await
    }

    /// See [`super::Namespace::state`].
    pub(super) async fn state(&self, table: &str) -> Result<CutState, HelperError> {
        check_table(table)?;
        self.read(table)
            .await
            .map_err(|e| HelperError::kernel(format!("read the state of table {table}"), &e))
    }

    async fn read(&self, table: &str) -> nlink::Result<CutState> {
        if !self.has(table).await? {
            return Ok(CutState::default());
        }
        let armed = match self.elements(table).await {
            Ok(armed) => armed,
            Err(e) if e.is_not_found() => {
                return Ok(CutState { present: self.has(table).await?, ..CutState::default() });
            }
            Err(e) => return Err(e),
        };
        let counters = self.kernel.list_objects_in(table, FAMILY).await?;
        let dropped = counters
            .iter()
            .filter(|o| o.name == COUNTER)
            .find_map(|o| match &o.state {
                ObjectState::Counter { packets, .. } => Some(*packets),
                _ => None,
            })
            .unwrap_or(0);
        Ok(CutState { present: true, armed, dropped })
    }

    /// See [`super::Namespace::disarm`].
    pub(super) async fn disarm(&self, table: &str) -> Result<(), HelperError> {
        check_table(table)?;
        match self.kernel.del_table_if_exists(table, FAMILY).await {
            Ok(_) => Ok(()),
            Err(e) => Err(HelperError::kernel(format!("remove table {table}"), &e)),
        }
    }

    /// See [`super::Namespace::tables`].
    pub(super) async fn tables(&self) -> Result<Vec<String>, HelperError> {
        let tables = self
            .kernel
            .list_tables_in(FAMILY)
            .await
            .map_err(|e| HelperError::kernel("list the tables", &e))?;
        let mut names: Vec<String> =
            tables.into_iter().map(|t| t.name).filter(|n| n.starts_with(TABLE_PREFIX)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a whole cut and removes it in the same transaction: the kernel checks every part of it,
    /// and no packet ever meets it. The address is from the range that is kept for documents.
    pub(super) async fn probe(&self) -> Result<(), HelperError> {
        let cut = Cut {
            table: format!("{TABLE_PREFIX}probe"),
            sources: vec![
                IpAddr::from([192, 0, 2, 1]),
                IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
            ],
            lease: Duration::from_secs(1),
        };
        let failed = |e: nlink::Error| HelperError::kernel("try a cut", &e);
        create(self.kernel.transaction(), &cut)
            .map_err(failed)?
            .del_table(&cut.table, FAMILY)
            .commit(&self.kernel)
            .await
            .map_err(failed)
    }

    async fn has(&self, table: &str) -> nlink::Result<bool> {
        Ok(self.kernel.list_tables_in(FAMILY).await?.iter().any(|t| t.name == table))
    }

    /// The addresses that have not expired, sorted.
    async fn elements(&self, table: &str) -> nlink::Result<Vec<IpAddr>> {
        let mut all = Vec::new();
        for set in [IPV4, IPV6] {
            let listed = self.kernel.list_set_elements(table, set, FAMILY).await?;
            all.extend(listed.iter().filter_map(|e| address(e.key())));
        }
        all.sort_unstable();
        Ok(all)
    }
}

/// Adds to `batch` all that makes a cut.
fn create(batch: Transaction, cut: &Cut) -> nlink::Result<Transaction> {
    let table = &cut.table;
    let chain = Chain::new(table.as_str(), CHAIN)?
        .family(FAMILY)
        .base(BaseChain::filter(FilterHook::Input, Priority::Filter).policy(Policy::Accept));
    let drop_from = |field, set| {
        Rule::new(table, CHAIN)
            .family(FAMILY)
            .match_in_set(field, set)
            .counter_named(COUNTER)
            .drop()
    };
    let let_pass = |kind| Rule::new(table, CHAIN).family(FAMILY).match_icmpv6_type(kind).accept();
    let batch = batch
        .add_table(table, FAMILY)
        .add_object(&Object::counter(table, COUNTER).family(FAMILY))
        .add_set(peers(table, IPV4, SetKeyType::Ipv4Addr))
        .add_set(peers(table, IPV6, SetKeyType::Ipv6Addr))
        .add_chain(chain)
        .add_rule(let_pass(NEIGHBOUR_SOLICITATION))
        .add_rule(let_pass(NEIGHBOUR_ADVERTISEMENT))
        .add_rule(drop_from(PacketField::Ip4Saddr, IPV4))
        .add_rule(drop_from(PacketField::Ip6Saddr, IPV6));
    Ok(fill(batch, cut))
}

/// Adds to `batch` what makes the cut's addresses the only ones, all with a full lease: adding an
/// address that is there would leave its old deadline as it is.
fn renew(mut batch: Transaction, cut: &Cut, listed: Vec<IpAddr>) -> Transaction {
    // Removing an address that expired since it was listed fails the batch where the kernel has no
    // forgiving removal; the caller then lists again.
    let forgiving = nlink::netlink::nftables::connection::kernel_has_destroy();
    for (set, elements) in by_set(&cut.table, listed, None) {
        batch = if forgiving {
            batch.destroy_set_elements(&set, &elements)
        } else {
            batch.del_set_elements(&set, &elements)
        };
    }
    fill(batch, cut)
}

fn fill(mut batch: Transaction, cut: &Cut) -> Transaction {
    for (set, elements) in by_set(&cut.table, cut.addresses(), Some(cut.lease)) {
        batch = batch.add_set_elements(&set, &elements);
    }
    batch
}

/// The elements of each set that has any.
fn by_set(
    table: &str,
    addresses: Vec<IpAddr>,
    lease: Option<Duration>,
) -> impl Iterator<Item = (Set, Vec<SetElement>)> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for ip in addresses {
        let (list, element) = match ip {
            IpAddr::V4(ip) => (&mut v4, SetElement::ipv4(ip)),
            IpAddr::V6(ip) => (&mut v6, SetElement::ipv6(ip)),
        };
        list.push(match lease {
            Some(lease) => element.with_timeout(lease),
            None => element,
        });
    }
    [(peers(table, IPV4, SetKeyType::Ipv4Addr), v4), (peers(table, IPV6, SetKeyType::Ipv6Addr), v6)]
        .into_iter()
        .filter(|(_, elements)| !elements.is_empty())
}

fn peers(table: &str, name: &str, key: SetKeyType) -> Set {
    Set::new(table, name).family(FAMILY).key_type(key).per_element_timeouts()
}

fn address(key: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(key)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(key).map(IpAddr::from))
        .ok()
}
