//! bwe
