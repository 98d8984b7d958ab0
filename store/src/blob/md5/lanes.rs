//! The block function of MD5 (RFC 1321, section 3.4) over several streams in lockstep.
//!
//! A word of the state is a column with a value for each stream: `CHAINS` groups of `WIDTH` values. The loop over the
//! values of a group is the outermost one and has nothing but straight arithmetic in it, so the compiler makes vector
//! instructions of `WIDTH` values out of it, those that every machine of the target has. The groups stand side by side in
//! its body, where the steps of one chain fill the time in which another waits for its last. Few streams are better off
//! without vectors, as chains alone.
//!
//! All this rests on what the compiler makes of it; `windlass-benches digest` shows whether it still does.

use std::array::from_fn;

use md5::block_api::compress;

/// What MD5 takes at a time.
pub type Block = [u8; 64];

/// What MD5 carries from block to block.
pub(super) type Chain = [u32; 4];

/// The most streams that `take_in` takes in lockstep.
pub(super) const LANES_MAX: usize = 12;

/// The same word of every stream.
type Column<const CHAINS: usize, const WIDTH: usize> = [[u32; WIDTH]; CHAINS];

/// Blocks that a stream is to take in.
#[derive(Debug)]
pub struct Run<'a> {
    pub(super) chain: &'a mut Chain,
    pub(super) blocks: &'a [Block],
}

/// Takes all blocks of all runs in: as far as their common length goes in lockstep, what is left of each on its own.
pub fn take_in(runs: &mut [Run<'_>]) {
    for runs in runs.chunks_mut(LANES_MAX) {
        let common = runs.iter().map(|run| run.blocks.len()).min().unwrap_or(0);
        match runs.len() {
            0 | 1 => {}
            2 | 3 => lockstep::<3, 1>(runs, common),
            4 => lockstep::<4, 1>(runs, common),
            _ => lockstep::<3, 4>(runs, common),
        }
        for run in runs {
            compress(run.chain, run.blocks);
            run.blocks = &[];
        }
    }
}

/// Takes the first `count` blocks of each run in. Lanes without a run compute what nobody asks for.
fn lockstep<const CHAINS: usize, const WIDTH: usize>(runs: &mut [Run<'_>], count: usize) {
    let mut state = [[[0; WIDTH]; CHAINS]; 4];
    for (lane, run) in runs.iter().enumerate() {
        scatter(&mut state, lane, run.chain.iter().copied());
    }
    for at in 0..count {
        let mut message = [[[0; WIDTH]; CHAINS]; 16];
        for (lane, run) in runs.iter().enumerate() {
            if let Some(block) = run.blocks.get(at) {
                let (words, _) = block.as_chunks();
                scatter(&mut message, lane, words.iter().map(|word| u32::from_le_bytes(*word)));
            }
        }
        take_block(&mut state, &message);
    }
    for (lane, run) in runs.iter_mut().enumerate() {
        for (word, column) in run.chain.iter_mut().zip(&state) {
            *word = column.as_flattened().get(lane).copied().unwrap_or_default();
        }
        run.blocks = run.blocks.get(count..).unwrap_or_default();
    }
}

#[inline(always)]
fn scatter<const WORDS: usize, const CHAINS: usize, const WIDTH: usize>(
    columns: &mut [Column<CHAINS, WIDTH>; WORDS],
    lane: usize,
    words: impl Iterator<Item = u32>,
) {
    for (column, word) in columns.iter_mut().zip(words) {
        if let Some(slot) = column.as_flattened_mut().get_mut(lane) {
            *slot = word;
        }
    }
}

// Not inlined: the compiler sees the loop alone, and the two sides' memory apart.
#[inline(never)]
fn take_block<const CHAINS: usize, const WIDTH: usize>(
    state: &mut [Column<CHAINS, WIDTH>; 4],
    message: &[Column<CHAINS, WIDTH>; 16],
) {
    for lane in 0..WIDTH {
        let [a, b, c, d] = &*state;
        let begin = [pick(a, lane), pick(b, lane), pick(c, lane), pick(d, lane)];
        let end = rounds(begin, message, lane);
        for (column, (begin, end)) in state.iter_mut().zip(begin.iter().zip(&end)) {
            for (group, (begin, end)) in column.iter_mut().zip(begin.iter().zip(end)) {
                if let Some(slot) = group.get_mut(lane) {
                    *slot = begin.wrapping_add(*end);
                }
            }
        }
    }
}

/// One value of each group.
#[inline(always)]
fn pick<const CHAINS: usize, const WIDTH: usize>(column: &Column<CHAINS, WIDTH>, lane: usize) -> [u32; CHAINS] {
    from_fn(|chain| column.get(chain).and_then(|group| group.get(lane)).copied().unwrap_or_default())
}

#[inline(always)]
fn rounds<const CHAINS: usize, const WIDTH: usize>(
    begin: [[u32; CHAINS]; 4],
    message: &[Column<CHAINS, WIDTH>; 16],
    lane: usize,
) -> [[u32; CHAINS]; 4] {
    let f = |b: u32, c: u32, d: u32| d ^ (b & (c ^ d));
    // An addition does for an "or" of bits that are never set in both, and can be done in any order with the others.
    let g = |b: u32, c: u32, d: u32| (d & b).wrapping_add(!d & c);
    let h = |b: u32, c: u32, d: u32| b ^ c ^ d;
    let i = |b: u32, c: u32, d: u32| c ^ (b | !d);
    let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = message;
    let [k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, k13, k14, k15] = SINES;
    let words =
        |[p, q, r, s]: [&Column<CHAINS, WIDTH>; 4]| [pick(p, lane), pick(q, lane), pick(r, lane), pick(s, lane)];
    let turns = [7, 12, 17, 22];
    let state = four_steps(begin, f, words([m0, m1, m2, m3]), k0, turns);
    let state = four_steps(state, f, words([m4, m5, m6, m7]), k1, turns);
    let state = four_steps(state, f, words([m8, m9, m10, m11]), k2, turns);
    let state = four_steps(state, f, words([m12, m13, m14, m15]), k3, turns);
    let turns = [5, 9, 14, 20];
    let state = four_steps(state, g, words([m1, m6, m11, m0]), k4, turns);
    let state = four_steps(state, g, words([m5, m10, m15, m4]), k5, turns);
    let state = four_steps(state, g, words([m9, m14, m3, m8]), k6, turns);
    let state = four_steps(state, g, words([m13, m2, m7, m12]), k7, turns);
    let turns = [4, 11, 16, 23];
    let state = four_steps(state, h, words([m5, m8, m11, m14]), k8, turns);
    let state = four_steps(state, h, words([m1, m4, m7, m10]), k9, turns);
    let state = four_steps(state, h, words([m13, m0, m3, m6]), k10, turns);
    let state = four_steps(state, h, words([m9, m12, m15, m2]), k11, turns);
    let turns = [6, 10, 15, 21];
    let state = four_steps(state, i, words([m0, m7, m14, m5]), k12, turns);
    let state = four_steps(state, i, words([m12, m3, m10, m1]), k13, turns);
    let state = four_steps(state, i, words([m8, m15, m6, m13]), k14, turns);
    four_steps(state, i, words([m4, m11, m2, m9]), k15, turns)
}

#[inline(always)]
fn four_steps<const CHAINS: usize>(
    [a, b, c, d]: [[u32; CHAINS]; 4],
    mix: impl Fn(u32, u32, u32) -> u32 + Copy,
    [m0, m1, m2, m3]: [[u32; CHAINS]; 4],
    [k0, k1, k2, k3]: [u32; 4],
    [s0, s1, s2, s3]: [u32; 4],
) -> [[u32; CHAINS]; 4] {
    let a = step([a, b, c, d], mix, m0, k0, s0);
    let d = step([d, a, b, c], mix, m1, k1, s1);
    let c = step([c, d, a, b], mix, m2, k2, s2);
    let b = step([b, c, d, a], mix, m3, k3, s3);
    [a, b, c, d]
}

#[inline(always)]
fn step<const CHAINS: usize>(
    [a, b, c, d]: [[u32; CHAINS]; 4],
    mix: impl Fn(u32, u32, u32) -> u32,
    word: [u32; CHAINS],
    sine: u32,
    turn: u32,
) -> [u32; CHAINS] {
    let of = |values: &[u32; CHAINS], chain: usize| values.get(chain).copied().unwrap_or_default();
    from_fn(|chain| {
        let (a, b, c, d, word) = (of(&a, chain), of(&b, chain), of(&c, chain), of(&d, chain), of(&word, chain));
        let sum = word.wrapping_add(sine).wrapping_add(a).wrapping_add(mix(b, c, d));
        sum.rotate_left(turn).wrapping_add(b)
    })
}

/// 2³² · |sin n| for n from 1 to 64.
const SINES: [[u32; 4]; 16] = [
    [0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee],
    [0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501],
    [0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be],
    [0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821],
    [0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa],
    [0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8],
    [0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed],
    [0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a],
    [0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c],
    [0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70],
    [0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05],
    [0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665],
    [0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039],
    [0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1],
    [0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1],
    [0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391],
];
