//! The result for people: Markdown tables.

use std::fmt::Write as _;
use std::fs;

use super::CompareArgs;
use super::goals::verdicts;
use super::loads::{Load, loads};
use super::result::Comparison;
use crate::Failure;
use crate::load::Report;
use crate::spread::Spread;

/// Writes `result.md` and `result.json`.
pub(crate) fn write(args: &CompareArgs, comparison: &Comparison) -> Result<(), Failure> {
    fs::write(args.work.join("result.json"), serde_json::to_string_pretty(comparison)?)?;
    let mut text = String::new();
    head(&mut text, comparison)?;
    problems(&mut text, comparison)?;
    goals(&mut text, comparison)?;
    rates(&mut text, comparison)?;
    ratios(&mut text, comparison)?;
    figures(&mut text, comparison, "Median of p50 / p99 in ms", |c, server, load| {
        let at = |figure: fn(&Report) -> f64| c.figure(server, load.id, figure).map(|spread| spread.median);
        Some(format!("{:.2} / {:.2}", at(|r| r.latency.p50_ms)?, at(|r| r.latency.p99_ms)?))
    })?;
    figures(&mut text, comparison, "CPU time of server / client in us an operation", |c, server, load| {
        let at = |figure: fn(&Report) -> f64| c.figure(server, load.id, figure).map(|spread| spread.median);
        Some(format!("{:.0} / {:.0}", at(|r| r.server.map_or(0.0, |s| s.cpu_us))?, at(|r| r.client_cpu_us)?))
    })?;
    figures(&mut text, comparison, "Peak resident memory so far in MiB", |c, server, load| {
        let peak = c.figure(server, load.id, |r| r.server.map_or(0.0, |s| s.peak_mib))?;
        Some(format!("{:.0}", peak.max))
    })?;
    starts(&mut text, comparison)?;
    fs::write(args.work.join("result.md"), text)?;
    Ok(())
}

fn head(text: &mut String, c: &Comparison) -> std::fmt::Result {
    writeln!(text, "# Windlass and its peers\n")?;
    let (rounds, seconds, warmup) = (c.rounds_done, c.seconds, c.warmup_seconds);
    writeln!(text, "{}. {rounds} rounds of {seconds} s a load after {warmup} s of warm-up, interleaved;", c.machine)?;
    writeln!(text, "16 connections unless said, signed requests, bodies that all differ. Median (min - max).\n")?;
    writeln!(text, "| server | version | before a write is answered |\n|---|---|---|")?;
    for server in &c.servers {
        let version = server.problem.as_ref().map_or(server.version.as_str(), |_| "**NOT INSTALLED**");
        writeln!(text, "| {} | {version} | {} |", server.title, server.durability)?;
    }
    Ok(())
}

fn problems(text: &mut String, c: &Comparison) -> std::fmt::Result {
    if c.problems() == 0 {
        return Ok(());
    }
    writeln!(text, "\n## PROBLEMS\n")?;
    for server in &c.servers {
        if let Some(problem) = &server.problem {
            writeln!(text, "- **{}**: {}", server.title, one_line(problem))?;
        }
    }
    for outcome in &c.outcomes {
        let place = format!("{}, round {}", outcome.server, outcome.round);
        if let Some(problem) = &outcome.problem {
            writeln!(text, "- **{place}**, {}: {}", outcome.group, one_line(problem))?;
        }
        for measured in &outcome.loads {
            let said = match (&measured.report, &measured.problem) {
                (Some(report), _) if report.errors > 0 => {
                    let sample = report.error_samples.first().map(String::as_str).unwrap_or_default();
                    format!("{} errors, such as {}", report.errors, one_line(sample))
                }
                (Some(report), _) if report.operations == 0 => "no operation ended in the time".to_owned(),
                (None, Some(problem)) => one_line(problem),
                _ => continue,
            };
            writeln!(text, "- **{place}**, {}: {said}", measured.load)?;
        }
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect()
}

fn goals(text: &mut String, c: &Comparison) -> std::fmt::Result {
    writeln!(text, "\n## Goals\n\n| | floor | goal | measured | reached |\n|---|---|---|---|---|")?;
    for v in verdicts(c) {
        writeln!(text, "| {} | {} | {} | {} | {} |", v.title, v.floor, v.goal, v.measured, v.verdict)?;
    }
    Ok(())
}

fn rates(text: &mut String, c: &Comparison) -> std::fmt::Result {
    figures(text, c, "Operations a second", |c, server, load| c.rate(server, load).map(shown))?;
    writeln!(text, "\nThe disk alone just before each load that writes, in fdatasync a second:")?;
    figures(text, c, "Disk syncs a second", |c, server, load| {
        let syncs = c.turns(server, load.id).filter_map(|(_, measured)| measured.disk_syncs_per_second);
        Spread::of(syncs).map(shown)
    })
}

fn ratios(text: &mut String, c: &Comparison) -> std::fmt::Result {
    figures(text, c, "Windlass as a multiple of each", |c, server, load| {
        let ratio = c.ratio("windlass", server, load).filter(|_| server != "windlass")?;
        Some(format!("{:.2} ({:.2} - {:.2})", ratio.median, ratio.min, ratio.max))
    })
}

/// A table with a row for each load and a column for each server.
fn figures(
    text: &mut String,
    c: &Comparison,
    title: &str,
    figure: impl Fn(&Comparison, &str, &Load) -> Option<String>,
) -> std::fmt::Result {
    write!(text, "\n## {title}\n\n| |")?;
    c.servers.iter().try_for_each(|server| write!(text, " {} |", server.title))?;
    write!(text, "\n|---|")?;
    c.servers.iter().try_for_each(|_| write!(text, "--:|"))?;
    writeln!(text)?;
    for load in loads() {
        let cells: Vec<_> = c.servers.iter().map(|server| figure(c, &server.id, load)).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<String> = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect();
            writeln!(text, "| {} | {} |", load.title, cells.join(" | "))?;
        }
    }
    Ok(())
}

fn starts(text: &mut String, c: &Comparison) -> std::fmt::Result {
    writeln!(text, "\n## Start\n\n| | ready after s | idle MiB |\n|---|--:|--:|")?;
    for server in &c.servers {
        let turns = || c.outcomes.iter().filter(|o| o.server == server.id && o.problem.is_none());
        let (ready, idle) = (Spread::of(turns().map(|o| o.ready_seconds)), Spread::of(turns().map(|o| o.idle_mib)));
        if let (Some(ready), Some(idle)) = (ready, idle) {
            writeln!(text, "| {} | {:.2} | {:.0} |", server.title, ready.median, idle.median)?;
        }
    }
    Ok(())
}

fn shown(spread: Spread) -> String {
    let number = |value: f64| if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{} ({} - {})", number(spread.median), number(spread.min), number(spread.max))
}
