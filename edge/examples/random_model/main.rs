//! Writes a model of true shape with random weights: for speed and memory, not answers.
//!
//! ```sh
//! cargo run --release -p edge --example random_model -- 1b q4_k_m 1b.gguf
//! ```

use std::io::Write as _;

use anyhow::{Context as _, bail};

mod model;

use model::{Kind, Shape};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, kind, path] = arguments.as_slice() else {
        bail!("usage: random_model tiny|1b|8b f16|q4_k_m FILE");
    };
    let shape = match shape.as_str() {
        "tiny" => Shape::TINY,
        "1b" => Shape::ONE_B,
        "8b" => Shape::EIGHT_B,
        other => bail!("no shape is called {other:?}"),
    };
    let kind = match kind.as_str() {
        "f16" => Kind::F16,
        "q4_k_m" => Kind::Q4KM,
        other => bail!("no type is called {other:?}"),
    };
    let file = fs_err::File::create(path)?;
    let mut out = std::io::BufWriter::new(file);
    model::random(&shape, kind, 1)?.write_to(&mut out)?;
    out.flush().with_context(|| format!("cannot write {path}"))
}
