//! cil
