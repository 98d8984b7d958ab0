//! The goals: what a comparison must show (floor) and what is reached for (goal).

use super::result::{Comparison, load};

/// What a goal is measured against.
enum Against {
    /// The fastest peer with its defaults.
    BestPeer,
    /// That server.
    Server(&'static str),
}

/// A goal for a load: server, load, against what, floor, goal.
type Rule = (&'static str, &'static str, Against, f64, f64);

const RULES: &[Rule] = &[
    ("windlass", "get-4k", Against::Server("ceiling"), 0.20, 0.35),
    ("windlass", "get-4k", Against::BestPeer, 1.2, 2.5),
    ("windlass", "head", Against::BestPeer, 0.6, 1.0),
    ("windlass", "put-4k", Against::BestPeer, 0.6, 1.5),
    ("windlass", "put-4k-128", Against::BestPeer, 1.2, 3.0),
    ("windlass", "put-4k", Against::Server("garage-synced"), 10.0, 10.0),
    ("windlass-relaxed", "put-4k", Against::BestPeer, 1.0, 2.5),
    ("windlass", "put-1m", Against::BestPeer, 0.8, 1.3),
    ("windlass", "put-16m", Against::BestPeer, 0.8, 1.3),
    ("windlass", "get-1m", Against::BestPeer, 1.0, 1.5),
    ("windlass", "get-1m", Against::Server("ceiling"), 0.0, 0.6),
    ("windlass", "list", Against::BestPeer, 1.0, 3.0),
    ("windlass", "mixed-4k", Against::BestPeer, 1.0, 2.0),
];

/// A goal with what was measured.
pub(crate) struct Verdict {
    pub(crate) title: String,
    pub(crate) floor: String,
    pub(crate) goal: String,
    pub(crate) measured: String,
    pub(crate) verdict: &'static str,
}

/// All goals that this comparison can say something about.
pub(crate) fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = RULES.iter().filter_map(|rule| of_load(comparison, rule)).collect();
    let own = || comparison.outcomes.iter().filter(|outcome| outcome.server == "windlass" && outcome.problem.is_none());
    let most = |values: Vec<f64>| values.into_iter().reduce(f64::max);
    let peaks = own().flat_map(|outcome| &outcome.loads).filter_map(|m| Some(m.report.as_ref()?.server?.peak_mib));
    let starts = own().filter(|outcome| outcome.group == "write-small").map(|outcome| outcome.listening_seconds);
    for (title, unit, measured, floor, goal) in [
        ("idle RSS", "MiB", most(own().map(|outcome| outcome.idle_mib).collect()), 64.0, 32.0),
        ("peak RSS under any load here", "MiB", most(peaks.collect()), 384.0, 192.0),
        ("listening on an empty folder", "s", most(starts.collect()), 0.3, 0.1),
        ("release binary", "MiB", Some(comparison.binary_mib), 60.0, 30.0),
    ] {
        if let Some(measured) = measured {
            verdicts.push(Verdict {
                title: title.to_owned(),
                floor: format!("{floor} {unit}"),
                goal: format!("{goal} {unit}"),
                measured: format!("{measured:.2} {unit}"),
                verdict: verdict(-measured, -floor, -goal),
            });
        }
    }
    verdicts
}

fn of_load(comparison: &Comparison, (server, id, against, floor, goal): &Rule) -> Option<Verdict> {
    let load = load(id)?;
    let (other, name) = match against {
        Against::BestPeer => {
            let best = comparison.best_peer(load)?;
            (best.id.as_str(), format!("best peer ({})", best.title))
        }
        Against::Server(other) => (*other, (*other).to_owned()),
    };
    let ratio = comparison.ratio(server, other, load)?;
    Some(Verdict {
        title: format!("{}: {server} / {name}", load.title),
        floor: if *floor > 0.0 { format!("{floor} x") } else { String::new() },
        goal: format!("{goal} x"),
        measured: format!("{:.2} x ({:.2} - {:.2})", ratio.median, ratio.min, ratio.max),
        verdict: verdict(ratio.median, *floor, *goal),
    })
}

fn verdict(measured: f64, floor: f64, goal: f64) -> &'static str {
    if measured >= goal {
        "goal"
    } else if measured >= floor {
        "floor"
    } else {
        "**below floor**"
    }
}
