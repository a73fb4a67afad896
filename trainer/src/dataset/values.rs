//! The values facts are made of: names, places, words, codes, dates.
//!
//! Most are invented, so that a small model learns to copy and has nothing to memorise.
//! Every value belongs to exactly one [`Split`]: a stable hash keeps one in ten for
//! evaluation, and [`HELD_OUT`] lists real names that training never sees.

use super::dice::{Dice, Split};
use super::words::{
    ANIMALS, CITIES, COLOURS, DRINKS, FOODS, HELD_CITIES, HELD_NAMES, HOBBIES, INSTRUMENTS, JOBS,
    MONTHS, NAMES, PLACES_AT_HOME, SUBJECTS, WEEKDAYS,
};

/// What kind of value a fact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A person's first name.
    Name,
    /// A pet's name.
    PetName,
    /// A city or village.
    City,
    /// Digits only.
    Digits,
    /// Letters and digits: `K7-42B`.
    Code,
    /// An invented lower-case word or two, with or without digits.
    Password,
    /// A company.
    Company,
    /// A profession, lower case, without article.
    Job,
    /// A day of the year: `12 March`.
    Day,
    /// A weekday and a time: `Tuesday at 15:30`.
    Moment,
    /// A count from 2 to 99.
    Count,
    /// Money: `940 euros`.
    Amount,
    /// Food.
    Food,
    /// A drink.
    Drink,
    /// A colour.
    Colour,
    /// A title of a book, film, song or game.
    Title,
    /// A product: `Kelvo 300`.
    Product,
    /// A program.
    App,
    /// A street address: `12 Marlow Street`.
    Address,
    /// Where a thing lies: `in the top drawer`.
    Spot,
    /// A telephone number.
    Phone,
    /// An animal.
    Animal,
    /// Something one does in spare time.
    Hobby,
    /// A musical instrument.
    Instrument,
    /// Something one studies.
    Study,
}

/// Real values kept for evaluation: names and cities, and the codes of the demonstration.
pub(crate) fn held_out() -> impl Iterator<Item = &'static str> {
    HELD_NAMES
        .iter()
        .chain(HELD_CITIES)
        .copied()
        .chain(["4711"])
}

/// The split a value belongs to.
pub(crate) fn split_of(value: &str) -> Split {
    if held_out().any(|held| held.eq_ignore_ascii_case(value))
        || stable_hash(value).is_multiple_of(10)
    {
        Split::HeldOut
    } else {
        Split::Training
    }
}

/// FNV-1a over the bytes in lower case: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    text.to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

impl Dice {
    /// A value of `class` that belongs to this stream's split.
    pub(crate) fn value(&mut self, class: Class) -> String {
        self.in_split(|dice| dice.candidate(class))
    }

    fn candidate(&mut self, class: Class) -> String {
        match class {
            Class::Name => self.real_or_invented(NAMES, HELD_NAMES, 40),
            Class::PetName => self.real_or_invented(NAMES, HELD_NAMES, 15),
            Class::City => self.real_or_invented(CITIES, HELD_CITIES, 35),
            Class::Digits => self.digits(),
            Class::Code => self.code(),
            Class::Password => self.password(),
            Class::Company => self.company(),
            Class::Job => self.listed_or(JOBS, 85, |dice| dice.word() + " maker"),
            Class::Day => self.day(),
            Class::Moment => self.moment(),
            Class::Count => self.between(2, 99).to_string(),
            Class::Amount => self.amount(),
            Class::Food => self.listed_or(FOODS, 45, Self::word),
            Class::Drink => self.listed_or(DRINKS, 45, Self::word),
            Class::Colour => self.listed_or(COLOURS, 60, Self::word),
            Class::Title => self.title(),
            Class::Product => self.product(),
            Class::App => self.invented(),
            Class::Address => self.address(),
            Class::Spot => self.spot(),
            Class::Phone => self.phone(),
            Class::Animal => self.listed_or(ANIMALS, 60, Self::word),
            Class::Hobby => self.listed_or(HOBBIES, 70, Self::word),
            Class::Instrument => self.listed_or(INSTRUMENTS, 60, Self::word),
            Class::Study => self.listed_or(SUBJECTS, 60, |dice| dice.word() + " studies"),
        }
    }

    fn real_or_invented(&mut self, train: &[&str], held: &[&str], percent: u32) -> String {
        if !self.chance(percent) {
            return self.invented();
        }
        let list = match self.split() {
            Split::Training => train,
            Split::HeldOut => held,
        };
        list[self.below(list.len())].to_owned()
    }

    fn listed_or(
        &mut self,
        list: &[&str],
        percent: u32,
        invent: impl Fn(&mut Self) -> String,
    ) -> String {
        if self.chance(percent) {
            list[self.below(list.len())].to_owned()
        } else {
            invent(self)
        }
    }

    /// An invented lower-case word of one to three syllables.
    ///
    /// Most syllables are plain ("ra", "min"), as in real names; the rest, and words of
    /// random letters, teach that any spelling must be copied.
    pub(crate) fn word(&mut self) -> String {
        self.in_split(Self::any_word)
    }

    /// Draws until the drawn text belongs to this stream's split.
    fn in_split(&mut self, draw: impl Fn(&mut Self) -> String) -> String {
        loop {
            let text = draw(self);
            if split_of(&text) == self.split() {
                return text;
            }
        }
    }

    fn any_word(&mut self) -> String {
        const PLAIN: &[&str] = &[
            "", "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v",
            "w", "y", "z",
        ];
        const ONSETS: &[&str] = &[
            "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "kl", "kr", "ph", "pl", "pr",
            "qu", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str", "sw", "th", "tr", "tw",
            "wh", "x",
        ];
        const VOWELS: &[&str] = &[
            "y", "ai", "au", "ea", "ee", "ei", "eo", "ia", "ie", "io", "oa", "oi", "oo", "ou", "ue",
        ];
        const CODAS: &[&str] = &[
            "b", "c", "ck", "d", "f", "g", "k", "l", "ll", "m", "n", "nd", "ng", "nn", "nt", "p",
            "r", "rd", "rk", "rn", "rt", "s", "sh", "ss", "st", "t", "tt", "th", "v", "x", "z",
        ];
        if self.chance(4) {
            let length = self.between(3, 8);
            return (0..length)
                .map(|_| char::from(b'a' + self.below(26) as u8))
                .collect();
        }
        let syllables = [1, 2, 2, 2, 2, 2, 3, 3, 3][self.below(9)];
        let mut word = String::with_capacity(16);
        for _ in 0..syllables {
            let onsets = if self.chance(75) { PLAIN } else { ONSETS };
            word.push_str(self.pick(onsets));
            let vowels = if self.chance(80) {
                &["a", "e", "i", "o", "u"]
            } else {
                VOWELS
            };
            word.push_str(self.pick(vowels));
            if syllables == 1 || self.chance(40) {
                word.push_str(self.pick(CODAS));
            }
        }
        if word.len() < 3 {
            word.push('n');
        }
        word
    }

    /// An invented word with a capital letter.
    pub(crate) fn invented(&mut self) -> String {
        const ENDINGS: &[&str] = &[
            "a", "o", "ia", "en", "in", "us", "ton", "burg", "ville", "ford", "berg", "stad", "sk",
            "ara", "ita", "el", "ley", "son",
        ];
        self.in_split(|dice| {
            let mut word = if dice.chance(25) {
                dice.beginning()
            } else {
                dice.any_word()
            };
            if dice.chance(20) {
                word.push_str(dice.pick(ENDINGS));
            }
            capitalised(&word)
        })
    }

    /// The beginning of a real word, and more: names like "Maya" and "Junia" begin with a
    /// token that means something else.
    fn beginning(&mut self) -> String {
        const LISTS: &[&[&str]] = &[
            MONTHS, WEEKDAYS, NAMES, CITIES, JOBS, FOODS, DRINKS, COLOURS, ANIMALS, HOBBIES,
        ];
        let list = LISTS[self.below(LISTS.len())];
        let word = self.pick(list);
        let length = 2 + self.below(4);
        let mut word: String = word
            .chars()
            .take_while(|letter| letter.is_alphabetic())
            .take(length)
            .collect();
        if self.chance(40) {
            word.push_str(self.pick(&["a", "e", "i", "o", "u", "y", "ya", "n", "s", "ra", "la"]));
        } else {
            word += &self.any_word();
        }
        word.to_lowercase()
    }

    fn digits(&mut self) -> String {
        let length = [3, 4, 4, 4, 4, 5, 6, 6, 7, 8][self.below(10)];
        (0..length)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    fn code(&mut self) -> String {
        let length = self.between(4, 7);
        let dash = self.below(12);
        let mut code = String::with_capacity(8);
        for index in 0..length {
            if index > 0 && index as usize == dash {
                code.push('-');
            }
            code.push(if self.chance(50) {
                char::from(b'A' + self.below(26) as u8)
            } else {
                char::from(b'0' + self.below(10) as u8)
            });
        }
        code
    }

    fn password(&mut self) -> String {
        match self.below(5) {
            0 => self.word(),
            1 => self.word() + "-" + &self.word(),
            2 => self.word() + &self.between(2, 99).to_string(),
            3 => self.invented() + &self.between(10, 9999).to_string(),
            _ => self.word() + " " + &self.word(),
        }
    }

    fn company(&mut self) -> String {
        const KINDS: &[&str] = &[
            "Labs", "Systems", "Bank", "Foods", "Media", "Works", "Group", "Clinic", "Studio",
            "Motors", "Books", "Software",
        ];
        let name = self.invented();
        if self.chance(35) {
            name + " " + self.pick(KINDS)
        } else {
            name
        }
    }

    fn day(&mut self) -> String {
        let (day, month) = (self.between(1, 28), self.pick(MONTHS));
        if self.chance(75) {
            format!("{day} {month}")
        } else {
            format!("{month} {day}")
        }
    }

    fn moment(&mut self) -> String {
        let weekday = self.pick(WEEKDAYS);
        match self.below(4) {
            0 => weekday.to_owned(),
            1 => self.day(),
            2 => {
                let (day, hour) = (self.day(), self.between(7, 21));
                format!("{day} at {hour}:{:02}", self.below(12) * 5)
            }
            _ => format!(
                "{weekday} at {}:{:02}",
                self.between(7, 21),
                self.below(12) * 5
            ),
        }
    }

    fn amount(&mut self) -> String {
        let unit = self.pick(&["euros", "dollars", "pounds"]);
        format!("{} {unit}", self.between(5, 2500))
    }

    fn title(&mut self) -> String {
        match self.below(4) {
            0 => self.invented(),
            1 => format!("The {}", self.invented()),
            2 => format!("The {} of {}", self.invented(), self.invented()),
            _ => self.invented() + " " + &self.invented(),
        }
    }

    fn product(&mut self) -> String {
        let name = self.invented();
        match self.below(3) {
            0 => name,
            1 => format!("{name} {}", self.between(2, 990)),
            _ => name + " " + &self.invented(),
        }
    }

    fn address(&mut self) -> String {
        let kind = self.pick(&["Street", "Road", "Lane", "Avenue", "Square"]);
        format!("{} {} {kind}", self.between(1, 199), self.invented())
    }

    fn spot(&mut self) -> String {
        if self.chance(40) {
            return self.pick(PLACES_AT_HOME).to_owned();
        }
        let holder = self.pick(&[
            "box", "drawer", "bag", "cupboard", "room", "basket", "folder", "shelf", "jacket",
        ]);
        let place = self.pick(&["in", "behind", "under", "next to"]);
        let word = self.word();
        format!("{place} the {word} {holder}")
    }

    fn phone(&mut self) -> String {
        let mut number = String::from("0");
        for _ in 0..self.between(6, 9) {
            number.push(char::from(b'0' + self.below(10) as u8));
        }
        number
    }
}

/// `word` with its first letter in upper case.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
