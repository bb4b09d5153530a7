//! Whether response times tell two kinds of question apart.

/// How well the times tell one kind from another: the chance that one of `these` took longer than
/// one of `those` (Mann and Whitney). One half: not at all.
pub(crate) fn separation(these: &[u64], those: &[u64]) -> f64 {
    let mut all: Vec<(u64, bool)> = these.iter().map(|time| (*time, true)).collect();
    all.extend(those.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let mut rank_sum = 0.0;
    let mut from = 0;
    while let Some((time, _)) = all.get(from).copied() {
        let count = all.iter().skip(from).take_while(|(other, _)| *other == time).count();
        // Equal times share their ranks.
        let rank = from as f64 + (count as f64 + 1.0) / 2.0;
        let ours = all.iter().skip(from).take(count).filter(|(_, ours)| *ours).count();
        rank_sum += rank * ours as f64;
        from += count;
    }
    let (n, m) = (these.len() as f64, those.len() as f64);
    let wins = rank_sum - n * (n + 1.0) / 2.0;
    let area = wins / (n * m);
    area.max(1.0 - area)
}

/// Their mean.
pub(crate) fn mean(times: &[u64]) -> f64 {
    times.iter().sum::<u64>() as f64 / times.len() as f64
}

/// It can tell apart what is apart.
#[test]
fn the_classifier_sees_fifty_microseconds_among_noise() {
    let noise = |seed: u64| (0..2_000_u64).map(move |n| 200 + (n * 7_919 + seed) % 97);
    let (slow, quick): (Vec<u64>, Vec<u64>) =
        (noise(1).map(|t| t + 50).collect(), noise(2).collect());
    assert!(separation(&slow, &quick) > 0.8, "{}", separation(&slow, &quick));
    assert!(separation(&quick, &quick) < 0.51);
}
