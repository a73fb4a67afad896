//! Whether a grammar in GBNF is one, before llama.cpp reads it.
//!
//! Pure. llama.cpp prints grammars that it cannot read to the terminal, and runs out of
//! memory on some; here each is answered with what is wrong and where.
//!
//! Source: grammars/README.md of llama.cpp, and its parser.

use std::collections::HashSet;

/// Longest grammar.
const MOST_BYTES: usize = 32 << 10;

/// Deepest brackets.
const MOST_DEPTH: usize = 64;

/// Most repetitions; llama.cpp's own limit.
const MOST_TIMES: u64 = 2_000;

/// What is wrong with a grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GbnfError {
    #[error("the grammar has {bytes} bytes, at most {MOST_BYTES} are read")]
    Long { bytes: usize },
    #[error("byte {at}: {expected} is expected")]
    Expected { at: usize, expected: &'static str },
    #[error("byte {at}: brackets are deeper than {MOST_DEPTH}")]
    Deep { at: usize },
    #[error("byte {at}: the repetition must be {{least,most}} with numbers up to {MOST_TIMES}")]
    Repetition { at: usize },
    #[error("rule {name} is used but not there")]
    Undefined { name: String },
}

/// Confirms that llama.cpp can read `grammar`. Left recursion it finds itself.
pub(super) fn check(grammar: &str) -> Result<(), GbnfError> {
    if grammar.len() > MOST_BYTES {
        return Err(GbnfError::Long {
            bytes: grammar.len(),
        });
    }
    let mut parser = Parser {
        text: grammar,
        at: 0,
        defined: HashSet::new(),
        used: vec!["root"],
    };
    parser.space(Lines::Cross);
    while parser.peek().is_some() {
        parser.rule()?;
    }
    let missing = |name: &&&str| !parser.defined.contains(**name);
    match parser.used.iter().find(missing) {
        Some(&name) => Err(GbnfError::Undefined {
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether blanks may hold the end of a line.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    Cross,
    Stay,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    defined: HashSet<&'a str>,
    used: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.at += found.len_utf8();
        Some(found)
    }

    /// Steps over `wanted` if it comes next.
    fn take(&mut self, wanted: &str) -> bool {
        let comes = self.text[self.at..].starts_with(wanted);
        self.at += if comes { wanted.len() } else { 0 };
        comes
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, GbnfError> {
        Err(GbnfError::Expected {
            at: self.at,
            expected,
        })
    }

    /// Steps over what `wanted` accepts.
    fn run(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let run = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    fn space(&mut self, lines: Lines) {
        loop {
            let blanks = self.run(|c| {
                matches!(c, ' ' | '\t') || (lines == Lines::Cross && matches!(c, '\r' | '\n'))
            });
            let comment = self.peek() == Some('#');
            if comment {
                self.run(|c| !matches!(c, '\r' | '\n'));
            }
            if blanks.is_empty() && !comment {
                return;
            }
        }
    }

    fn name(&mut self) -> Result<&'a str, GbnfError> {
        let name = self.run(|c| c.is_ascii_alphanumeric() || c == '-');
        if name.is_empty() {
            return self.expected("a rule's name");
        }
        Ok(name)
    }

    fn rule(&mut self) -> Result<(), GbnfError> {
        let name = self.name()?;
        self.defined.insert(name);
        self.space(Lines::Stay);
        if !self.take("::=") {
            return self.expected("::=");
        }
        self.space(Lines::Cross);
        self.alternates(0)?;
        if self.peek().is_some() && !self.take("\r\n") && !self.take("\n") && !self.take("\r") {
            return self.expected("the end of the line");
        }
        self.space(Lines::Cross);
        Ok(())
    }

    fn alternates(&mut self, depth: usize) -> Result<(), GbnfError> {
        if depth > MOST_DEPTH {
            return Err(GbnfError::Deep { at: self.at });
        }
        self.sequence(depth)?;
        while self.take("|") {
            self.space(Lines::Cross);
            self.sequence(depth)?;
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<(), GbnfError> {
        let lines = if depth > 0 { Lines::Cross } else { Lines::Stay };
        let mut repeatable = false;
        while let Some(next) = self.peek() {
            let from = self.at;
            match next {
                '"' => self.literal()?,
                '[' => self.range()?,
                '(' => self.group(depth)?,
                '.' => self.at += 1,
                '*' | '+' | '?' | '{' if !repeatable => {
                    return self.expected("something to repeat");
                }
                '*' | '+' | '?' => self.at += 1,
                '{' => self.times()?,
                c if c.is_ascii_alphanumeric() || c == '-' => {
                    let name = self.name()?;
                    self.used.push(name);
                }
                _ => break,
            }
            // llama.cpp cannot repeat what may have become nothing.
            let symbol = &self.text[from..self.at];
            repeatable = symbol != "\"\"" && !symbol.starts_with('{');
            self.space(lines);
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<(), GbnfError> {
        self.at += 1;
        while !self.take("\"") {
            self.character()?;
        }
        Ok(())
    }

    fn range(&mut self) -> Result<(), GbnfError> {
        self.at += 1;
        self.take("^");
        if self.peek() == Some(']') {
            return self.expected("a character");
        }
        while !self.take("]") {
            self.character()?;
        }
        Ok(())
    }

    fn group(&mut self, depth: usize) -> Result<(), GbnfError> {
        self.at += 1;
        self.space(Lines::Cross);
        self.alternates(depth + 1)?;
        if !self.take(")") {
            return self.expected(")");
        }
        Ok(())
    }

    /// One character of a literal or a range, which may be escaped.
    fn character(&mut self) -> Result<(), GbnfError> {
        let digits = match self.next() {
            None | Some('\0') => return self.expected("the end of the text"),
            Some('\\') => match self.next() {
                Some('x') => 2,
                Some('u') => 4,
                Some('U') => 8,
                Some('t' | 'r' | 'n' | '\\' | '"' | '[' | ']') => 0,
                _ => return self.expected("an escape that exists"),
            },
            Some(_) => 0,
        };
        for _ in 0..digits {
            if !self.next().is_some_and(|c| c.is_ascii_hexdigit()) {
                return self.expected("a hexadecimal digit");
            }
        }
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`.
    fn times(&mut self) -> Result<(), GbnfError> {
        let at = self.at;
        let close = self.text[at..]
            .find('}')
            .ok_or(GbnfError::Repetition { at })?;
        let inside = &self.text[at + 1..at + close];
        let number = |text: &str| -> Option<u64> {
            let text = text.trim_matches([' ', '\t']);
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|&n| digits && n <= MOST_TIMES)
        };
        let fits = match inside.split_once(',') {
            None => number(inside).is_some(),
            Some((least, most)) if most.trim_matches([' ', '\t']).is_empty() => {
                number(least).is_some()
            }
            Some((least, most)) => number(least)
                .zip(number(most))
                .is_some_and(|(least, most)| least <= most),
        };
        if !fits {
            return Err(GbnfError::Repetition { at });
        }
        self.at += close + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_of_every_kind_are_read() {
        for grammar in [
            "root ::= \"yes\" | \"no\"",
            "# a comment\nroot  ::= item{2,5} (\"-\" | [^a-z\\]])*\n\nitem ::=\n  [0-9]+ . # end\n",
            "root ::= (\n \"a\"\n | b-1 \n)\r\nb-1 ::= \"\\u00e9\\n\" \"\" [a]{3} [b]{1,}\r\n",
            "root ::= ( | \"a\")",
        ] {
            assert_eq!(check(grammar), Ok(()), "{grammar}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = |grammar: &str| check(grammar).unwrap_err().to_string();
        for (grammar, reason) in [
            ("", "rule root is used but not there"),
            ("a ::= \"x\"", "rule root is used but not there"),
            ("root ::= b", "rule b is used but not there"),
            ("root = \"x\"", "byte 5: ::= is expected"),
            ("root ::= \"x", "byte 11: the end of the text is expected"),
            ("root ::= (\"x\"", "byte 13: ) is expected"),
            (
                "root ::= \"\\q\"",
                "byte 12: an escape that exists is expected",
            ),
            ("root ::= *", "byte 9: something to repeat is expected"),
            ("root ::= <[1]>", "byte 9: the end of the line is expected"),
        ] {
            assert_eq!(wrong(grammar), reason, "{grammar}");
        }
        for repetition in [
            "{5,2}",
            "{9999999}",
            "{}",
            "{,3}",
            "{1",
            "{-1}",
            "{99999999999999999999}",
        ] {
            let grammar = format!("root ::= \"a\"{repetition}");
            assert!(wrong(&grammar).contains("repetition"), "{grammar}");
        }
        let deep = format!("root ::= {}\"a\"{}", "(".repeat(9_999), ")".repeat(9_999));
        assert!(wrong(&deep).contains("deeper"));
        assert!(wrong(&"#".repeat(40_000)).contains("40000 bytes"));
    }
}
