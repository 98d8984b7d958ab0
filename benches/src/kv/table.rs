//! What was measured of key-values, as tables.

use super::speaker::Kind;
use crate::load::Driven;
use crate::spread::Spread;

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Redis,
    Windlass,
    Bare,
}

impl Side {
    pub(super) const ALL: [Side; 3] = [Side::Redis, Side::Windlass, Side::Bare];

    /// Whether it is measured with that: the bare server keeps nothing.
    pub(super) fn takes(self, kind: Kind) -> bool {
        self != Side::Bare || kind == Kind::Get
    }
}

/// What is to be reached: the load, of whom, the least, and what is hoped for.
const GOALS: [(Kind, Side, f64, f64); 2] = [(Kind::Set, Side::Redis, 0.2, 0.5), (Kind::Get, Side::Bare, 0.3, 0.5)];

/// One load on all servers.
pub(super) struct Round {
    pub(super) kind: Kind,
    pub(super) number: u32,
    pub(super) driven: Vec<(Side, Driven)>,
}

/// All rounds.
#[derive(Default)]
pub(super) struct Table {
    pub(super) rounds: Vec<Round>,
}

/// Prints the titles of what `Round::print` prints.
pub(super) fn print_head() {
    println!(
        "| load | round | redis, requests/s | windlass | bare | redis, us of CPU a request | windlass | bare |\n\
         |---|---|---|---|---|---|---|---|"
    );
}

impl Round {
    pub(super) fn print(&self) {
        let figure = |figure: fn(&Driven) -> f64, digits: usize| {
            let cell = |side| self.of(side).map_or("-".to_owned(), |driven| format!("{:.digits$}", figure(driven)));
            Side::ALL.map(cell).join(" | ")
        };
        let (rates, cpu) = (figure(|driven| driven.per_second, 0), figure(|driven| driven.cpu_us, 1));
        println!("| {} | {} | {rates} | {cpu} |", self.kind.name(), self.number + 1);
    }

    fn of(&self, side: Side) -> Option<&Driven> {
        self.driven.iter().find(|(of, _)| *of == side).map(|(_, driven)| driven)
    }
}

impl Table {
    /// Of the ratios of each round: requests of the gateway to those of the other.
    fn ratio(&self, kind: Kind, to: Side) -> Option<Spread> {
        let rounds = self.rounds.iter().filter(|round| round.kind == kind);
        let rate = |round: &Round, side| round.of(side).map(|driven| driven.per_second);
        Spread::of(rounds.filter_map(|round| Some(rate(round, Side::Windlass)? / rate(round, to)?)))
    }

    /// Prints the medians of the ratios, beside what is to be reached.
    pub(super) fn print_ratios(&self) {
        println!("\n| load | windlass / | median (min - max) | floor | goal |\n|---|---|---|---|---|");
        for kind in Kind::ALL {
            for to in [Side::Redis, Side::Bare] {
                let Some(ratio) = self.ratio(kind, to) else { continue };
                let goal = GOALS.iter().find(|(of, than, ..)| (*of, *than) == (kind, to));
                let (floor, goal) = goal
                    .map_or(("-".to_owned(), "-".to_owned()), |(.., low, high)| (low.to_string(), high.to_string()));
                println!("| {} | {to:?} | {ratio} | {floor} | {goal} |", kind.name());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_same_round_and_load() {
        let driven = |per_second| Driven { per_second, all: 1, cpu_us: 1.0 };
        let round = |kind, redis, windlass| Round {
            kind,
            number: 0,
            driven: vec![(Side::Windlass, driven(windlass)), (Side::Redis, driven(redis))],
        };
        let rounds = vec![
            round(Kind::Set, 100.0, 50.0),
            round(Kind::Get, 100.0, 10.0),
            round(Kind::Set, 10.0, 8.0),
            round(Kind::Set, 1000.0, 100.0),
        ];
        let table = Table { rounds };
        assert_eq!(table.ratio(Kind::Set, Side::Redis), Some(Spread { median: 0.5, min: 0.1, max: 0.8 }));
        assert_eq!(table.ratio(Kind::Get, Side::Redis).map(|ratio| ratio.median), Some(0.1));
        assert_eq!(table.ratio(Kind::Get, Side::Bare), None);
    }
}
