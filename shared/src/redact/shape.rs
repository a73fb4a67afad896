//! How a string looks: random as a secret, or made of words, paths and numbers.

/// Counts of what a string is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    pub(super) digits: usize,
    pub(super) lower: usize,
    pub(super) upper: usize,
    /// Anything else that is no space, bytes of other scripts included.
    pub(super) symbols: usize,
    pub(super) spaces: usize,
}

impl Shape {
    pub(super) fn of(value: &[u8]) -> Self {
        let mut shape = Self::default();
        for byte in value {
            match byte {
                b'0'..=b'9' => shape.digits += 1,
                b'a'..=b'z' => shape.lower += 1,
                b'A'..=b'Z' => shape.upper += 1,
                byte if byte.is_ascii_whitespace() => shape.spaces += 1,
                _ => shape.symbols += 1,
            }
        }
        shape
    }

    pub(super) fn letters(&self) -> usize {
        self.lower + self.upper
    }
}

/// Shannon entropy of the bytes, in bits per byte.
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

/// Whether a string is most likely random: 16 to 512 characters of a token's alphabet.
pub(super) fn is_random(value: &[u8]) -> bool {
    let shape = Shape::of(value);
    if !(16..=512).contains(&value.len())
        || !value.iter().all(|byte| is_token_byte(*byte))
        || shape.digits < 2
        || shape.letters() < 2
        || is_uuid(value)
        || is_structured(value)
    {
        return false;
    }
    if is_hex(value) {
        return value.len() >= 32 && entropy(value) > 3.0;
    }
    entropy(value) > 3.4
}

/// Letters, digits and what base 64, URLs and JSON tokens add.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte)
}

pub(super) fn is_hex(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_hexdigit)
}

/// The 8-4-4-4-12 form.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Words and numbers joined by marks: paths, versions, host names, names of things.
pub(super) fn is_structured(value: &[u8]) -> bool {
    let mut parts = 0;
    for part in value.split(|byte| b"/.-_~:".contains(byte)) {
        let shape = Shape::of(part);
        let word = shape.digits == 0 && shape.symbols == 0 && shape.upper <= 1;
        let number = shape.letters() == 0 && shape.symbols == 0;
        let short = part.len() <= 3 && shape.symbols == 0;
        if !(word || number || short) {
            return false;
        }
        parts += 1;
    }
    parts > 1
}

/// A file's path or a URL.
pub(super) fn is_path(value: &[u8]) -> bool {
    let starts = [&b"/"[..], b"./", b"../", b"~/", b"\\\\"];
    let drive = value.len() > 2 && value[0].is_ascii_alphabetic() && value[1] == b':';
    // A base-64 value may begin with a slash too; a path is made of names.
    (starts.iter().any(|start| value.starts_with(start)) && (value.len() < 20 || !is_dense(value)))
        || (drive && (value[2] == b'\\' || value[2] == b'/'))
        || value.windows(3).any(|window| window == b"://")
}

/// Base 64 without the rhythm of a path: upper, lower and digits within one name.
fn is_dense(value: &[u8]) -> bool {
    value.split(|byte| *byte == b'/').any(|part| {
        let shape = Shape::of(part);
        part.len() >= 16 && shape.upper > 2 && shape.lower > 2 && shape.digits > 1
    })
}

/// Whether the value stands for another, or for none: `$NAME`, `<key>`, `****`, `null`.
pub(super) fn is_reference(value: &[u8]) -> bool {
    const STARTS: &str = "\
        $ < {{ {% %( { your my_ process.env os.environ os.getenv env. env( secrets. \
        vault:";
    const WORDS: &str = "\
        null none nil true false undefined empty string str text bool int bytes any \
        optional required hidden secret password passwd token key changeme change_me \
        change-me example placeholder unset disabled enabled yes no varchar invalid";
    let first = value.first().copied().unwrap_or_default();
    starts_with_any(value, STARTS)
        || is_listed(WORDS, value)
        || (b"*xX.-_#".contains(&first) && value.iter().all(|byte| *byte == first))
        || (first == b'%' && value.len() > 2 && value.ends_with(b"%"))
}

/// Whether `value` is one of `words`, which spaces part; ASCII case aside.
pub(super) fn is_listed(words: &str, value: &[u8]) -> bool {
    words
        .split(' ')
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

fn starts_with_any(value: &[u8], starts: &str) -> bool {
    starts.split(' ').any(|start| {
        value
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    })
}

/// How many bytes from `at` on satisfy `accept`, at most `limit`.
pub(super) fn run(bytes: &[u8], at: usize, limit: usize, accept: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .take(limit)
        .take_while(|byte| accept(**byte))
        .count()
}

/// How many bytes before `at` satisfy `accept`, at most `limit`.
pub(super) fn run_back(
    bytes: &[u8],
    at: usize,
    limit: usize,
    accept: impl Fn(u8) -> bool,
) -> usize {
    let head = bytes.get(..at).unwrap_or_default();
    head.iter()
        .rev()
        .take(limit)
        .take_while(|byte| accept(**byte))
        .count()
}

/// The byte before `at`.
pub(super) fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|at| bytes.get(at)).copied()
}

/// Whether a word may begin at `at`: no letter or digit stands before it.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    !before(bytes, at).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80)
}
