//! The routes, asked in-process: what they answer, and what they refuse.

mod access;
mod api;
mod bad;
mod chat;
mod junk;
mod memory;
mod world;
