//! temporary
pub mod echo;
