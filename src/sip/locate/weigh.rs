//! The order in which the servers of an SRV answer are tried (RFC 2782).

/// Priority, weight, port, target.
pub(super) type Weighed<'a> = (u16, u16, u16, &'a str);

/// By priority; among equals by chance, in proportion to the weights. `draw` gives a number below
/// its argument.
pub(super) fn in_order<'a>(
    mut servers: Vec<Weighed<'a>>,
    draw: &mut dyn FnMut(u64) -> u64,
) -> Vec<Weighed<'a>> {
    // Those of weight 0 first, so that they have a small chance at all.
    servers.sort_by_key(|(priority, weight, ..)| (*priority, *weight != 0));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some((priority, ..)) = servers.first().copied() {
        let equals = servers.iter().take_while(|(other, ..)| *other == priority).count();
        let sum: u64 = servers.iter().take(equals).map(|(_, weight, ..)| u64::from(*weight)).sum();
        let drawn = draw(sum + 1).min(sum);
        let mut running = 0;
        let chosen = servers
            .iter()
            .take(equals)
            .position(|(_, weight, ..)| {
                running += u64::from(*weight);
                running >= drawn
            })
            .unwrap_or(0);
        ordered.push(servers.remove(chosen));
    }
    ordered
}
