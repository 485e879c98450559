//! Takes a component apart: what is this one's alone, and what it shares with all that
//! come of the same engine.
//!
//! A toolchain whose plugins bring a language's runtime along starts it, lets it read the
//! program, and keeps its memory as it then is. The code is the same bytes in each of its
//! components; they differ in what the memory holds. So the module whose memory was kept
//! is made two: one that is nothing but the memory and what lies in it, the *state*; and
//! one that has all the rest and imports the memory. The state's module is taken out, and
//! the component imports it: what remains, the *skeleton*, is compiled once for all. Where
//! other modules have variables that say where in this memory something lies, an adapter its
//! stack, those are the state's too.
//!
//! Bytes are a stranger's. What cannot be taken apart stays whole, without a word: why a
//! component is none, its compiler says. What is taken apart is valid where both its parts
//! are, so that it is enough to compile those.

mod find;
mod module;
mod skeleton;

pub use skeleton::STATE;

/// A component in two parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// The component without its state, which it imports as a core module called
    /// [`STATE`].
    pub skeleton: Vec<u8>,
    /// A core module that exports one memory, with all that lies in it, and variables.
    pub state: Vec<u8>,
}

/// The parts of a component; none when it is better compiled whole.
pub fn split(wasm: &[u8]) -> Option<Parts> {
    let found = find::find(wasm).ok()??;
    let (code, state) = module::split(wasm, &found).ok()??;
    let skeleton = skeleton::skeleton(wasm, &found, &code).ok()?;
    Some(Parts { skeleton, state })
}

#[cfg(test)]
mod tests;
