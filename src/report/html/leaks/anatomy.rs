//! An instance taken apart: memory, descriptors, sockets, threads and disk at the first, a middle and the last look.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::super::super::figures::count;
use super::super::super::leaks::Case;
use crate::record::{Evidence, Folder, Mapping, MemoryPart, Tally};
use crate::units::Bytes;

/// Rows shown of what can be long.
const MOST: usize = 12;

pub(super) fn section(case: &Case<'_>) -> Markup {
    let looks = case.chosen();
    if looks.is_empty() {
        return html! {};
    }
    html! {
        h4 { "Taken apart" @if looks[0].restarts != looks[looks.len() - 1].restarts {
            span.lead { "the looks are of different lives: a start lies between them" }
        } }
        (memory(&looks))
        (mappings(&looks))
        (table("Descriptors by type", &looks, |e| e.descriptors.get().map(|d| d.types.clone())))
        (table("Descriptors by target", &looks, |e| Some(tally(&e.descriptors.get()?.targets))))
        (table("Sockets by state", &looks, |e| e.sockets.get().map(|s| s.states.clone())))
        (table("Sockets by peer", &looks, |e| Some(tally(&e.sockets.get()?.peers))))
        (table("Threads by name", &looks, |e| Some(tally(&e.threads.get()?.names))))
        (disk(&looks))
    }
}

fn head(name: &str, looks: &[&Evidence]) -> Markup {
    html! { thead { tr {
        th { (name) } @for look in looks { th.n { (look.from) } } th.n { "Growth" }
    } } }
}

fn memory(looks: &[&Evidence]) -> Markup {
    let rows: Vec<(MemoryPart, Vec<Option<u64>>)> = MemoryPart::ALL
        .into_iter()
        .map(|part| (part, looks.iter().map(|l| l.memory(part)).collect::<Vec<_>>()))
        .filter(|(_, values)| values.iter().any(|v| v.is_some_and(|v| v > 0)))
        .collect();
    html! { @if !rows.is_empty() { div.scroll { table.narrow {
        (head("Memory", looks))
        tbody { @for (part, values) in rows { tr {
            td { @if part.within().is_some() { span.soft { "of it " } } (part.name()) }
            (cells(&values, |v| Bytes(v).human()))
        } } }
    } } } }
}

fn cells(values: &[Option<u64>], text: impl Fn(u64) -> String) -> Markup {
    let grown = values.first().copied().flatten().zip(values.last().copied().flatten());
    html! {
        @for value in values { td.n { (value.map_or_else(|| "–".to_owned(), &text)) } }
        td.n { @match grown {
            Some((from, to)) if to > from => { strong { "+" (text(to - from)) } },
            Some((from, to)) if to < from => { "−" (text(from - to)) },
            Some(_) => { "0" },
            None => { "–" },
        } }
    }
}

fn mappings(looks: &[&Evidence]) -> Markup {
    let of = |look: &Evidence| -> BTreeMap<String, u64> {
        let mappings = look.mappings.get().map(|m| m.top.as_slice()).unwrap_or_default();
        let mut sizes = BTreeMap::new();
        for mapping in mappings {
            *sizes.entry(name(mapping)).or_default() += mapping.extent.rss;
        }
        sizes
    };
    let maps: Vec<BTreeMap<String, u64>> = looks.iter().map(|l| of(l)).collect();
    html! { (rows("Mappings, resident", looks, &maps, |v| Bytes(v).human())) }
}

fn name(mapping: &Mapping) -> String {
    match mapping.at {
        Some((_, address)) => format!("{} at {address:x}", mapping.name),
        None => mapping.name.clone(),
    }
}

fn tally(tally: &Tally) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> =
        tally.top.iter().map(|c| (c.name.clone(), c.count)).collect();
    if tally.other > 0 {
        counts.insert(format!("{} other names", tally.other_names), tally.other);
    }
    counts
}

fn table(
    title: &str,
    looks: &[&Evidence],
    of: impl Fn(&Evidence) -> Option<BTreeMap<String, u64>>,
) -> Markup {
    let maps: Vec<BTreeMap<String, u64>> =
        looks.iter().map(|look| of(look).unwrap_or_default()).collect();
    rows(title, looks, &maps, count)
}

/// One row a name, what grew most first.
fn rows(
    title: &str,
    looks: &[&Evidence],
    maps: &[BTreeMap<String, u64>],
    text: impl Fn(u64) -> String + Copy,
) -> Markup {
    let mut names: Vec<&String> = maps.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let value = |map: &BTreeMap<String, u64>, name: &str| map.get(name).copied().unwrap_or(0);
    let grown = |name: &str| {
        let (first, last) = (maps.first(), maps.last());
        let of = |map: Option<&BTreeMap<String, u64>>| map.map_or(0, |m| value(m, name));
        (of(last).saturating_sub(of(first)), of(last))
    };
    names.sort_by_key(|name| std::cmp::Reverse(grown(name)));
    let hidden = names.len().saturating_sub(MOST);
    html! { @if !names.is_empty() { details {
        summary { (title) }
        div.scroll { table.narrow {
            (head("", looks))
            tbody { @for name in names.into_iter().take(MOST) { tr {
                td { (name) }
                (cells(&maps.iter().map(|m| Some(value(m, name))).collect::<Vec<_>>(), text))
            } } }
        } }
        @if hidden > 0 { p.soft { "and " (hidden) " more, which grew less" } }
    } } }
}

fn disk(looks: &[&Evidence]) -> Markup {
    let of = |look: &Evidence| -> BTreeMap<String, u64> {
        let Some(disk) = look.disk.get() else { return BTreeMap::new() };
        let used = |f: &Folder| Some((format!("{} ({})", f.path, f.kind), f.usage.get()?.used));
        let layer = disk.layer.map(|bytes| ("the container's own layer".to_owned(), bytes));
        disk.folders.iter().filter_map(used).chain(layer).collect()
    };
    let maps: Vec<BTreeMap<String, u64>> = looks.iter().map(|l| of(l)).collect();
    html! { (rows("Disk", looks, &maps, |v| Bytes(v).human())) }
}
