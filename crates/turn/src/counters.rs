//! What a TURN server did, and what it refused.

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $name:literal,)*) => {
        /// What a TURN server did, what it refused, and what it holds.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct TurnCounters {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl TurnCounters {
            /// How many figures there are.
            pub const COUNT: usize = [$($name,)*].len();

            /// Every figure with its stable camelCase name, in one order.
            pub const fn named(&self) -> [(&'static str, u64); Self::COUNT] {
                [$(($name, self.$field),)*]
            }
        }
    };
}

counters! {
    /// Binding requests that were answered.
    bindings => "bindings",
    /// Requests without credentials that were asked for them (401).
    challenges => "challenges",
    /// Bytes of requests without credentials.
    unauthenticated_bytes_received => "unauthenticatedBytesReceived",
    /// Bytes of the answers to them.
    unauthenticated_bytes_sent => "unauthenticatedBytesSent",
    /// Requests that got no answer because their prefix had spent its budget.
    over_budget => "overBudget",
    /// Requests whose credentials were wrong or over (401).
    wrong_credentials => "wrongCredentials",
    /// Requests with a nonce of ours that was too old, or with another's (438).
    stale_nonces => "staleNonces",
    /// Requests that make no sense (400, 420, 437, 440, 441, 442, 443).
    bad_requests => "badRequests",
    /// Allocations refused because of a limit of a user or an address (486).
    over_quota => "overQuota",
    /// Requests refused because of a limit of the server or an allocation, or for want of a port (508).
    over_capacity => "overCapacity",
    /// Peers refused because of their address (403), and data for such.
    peers_refused => "peersRefused",
    /// Allocations that were made.
    allocations_made => "allocationsMade",
    /// Allocations that their clients gave up.
    allocations_released => "allocationsReleased",
    /// Allocations that nobody refreshed.
    allocations_expired => "allocationsExpired",
    /// Datagrams from clients to peers.
    datagrams_to_peers => "datagramsToPeers",
    /// Bytes of them.
    bytes_to_peers => "bytesToPeers",
    /// Datagrams from peers to clients.
    datagrams_to_clients => "datagramsToClients",
    /// Bytes of them.
    bytes_to_clients => "bytesToClients",
    /// Datagrams dropped because their allocation was over its rate.
    over_rate => "overRate",
    /// Data of clients without an allocation, a permission or that channel.
    unpermitted => "unpermitted",
    /// Datagrams from peers without a permission.
    uninvited => "uninvited",
    /// What is neither STUN nor channel data.
    malformed => "malformed",
    /// Allocations; a gauge.
    allocations => "allocations",
    /// Permissions of all allocations; a gauge.
    permissions => "permissions",
    /// Channels of all allocations; a gauge.
    channels => "channels",
}
