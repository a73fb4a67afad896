//! How English says who one is, what one has, where and when.

use super::Kind::{Belonging, Date, Definition, Identity, Place, Preference, Relation, Secret};
use super::pattern::Check::{self, Any, Name, Role, Taste, Term, Thing, Time, Trait};
use super::pattern::Effect::{Adds, Contradicts, Ends, Replaces};
use super::pattern::{Pattern, row};

/// The speaker, with the adverbs that may follow.
pub(super) const SPEAKER: &str = "(?:i|we)(?:'ve|’ve| have)?(?: now| just| recently| currently| really| also| always| both| still| usually| absolutely| actually| finally)*";

/// What stands before a thing of one's own.
pub(super) const OWNING: &str = "my|our|the";

/// Clauses that a conjunction may part from the one before.
pub(super) const JOINED_CLAUSE: &str = "(?:i|i'm|i’m|we|my|our)\\b";

/// Asking to have something remembered.
pub(super) const REQUEST: &str = r"(?i)^(?:(?:ok|okay|hey|hi|oh|also|and|so|well)[, ]+)*(?:please[, ]+)?(?:(?:(?:can|could|would|will) you (?:please )?|i (?:want|need|would like|'d like) you to |you (?:should|must) )?(?:(?:always )?remember(?: that|:|,| this:| to)? |memori[sz]e(?: that|:)? |(?:make a |take a )?note(?: down)?(?:[:,]| that)+ |keep in mind(?: that|:)? |bear in mind(?: that|:)? )|(?:don't|don’t|do not|never) forget(?: that|:|,| to)? |for the record[:,] ?|fyi[:,]? |note to self[:,]? |reminder[:,] )";

/// How a request begins that is a question in form only.
pub(super) const POLITE: &str = "can you|could you|would you|will you|please";

/// What follows "remember" where nothing is asked to be kept.
pub(super) const RECALLING: &str = "when how what where who why whether if";

/// First words of a question.
pub(super) const ASKING: &str = "what what's where where's when when's who who's whom whose why how how's which is are am was were do does did can could would will shall should may has have isn't aren't don't doesn't didn't tell remind show explain write";

/// First words of a supposition.
pub(super) const SUPPOSING: &str = "if suppose supposing imagine assume assuming pretend unless maybe perhaps let's let hopefully wish when whenever once";

/// What makes a statement none.
pub(super) const SUPPOSED: &str = "would|could|might|maybe|perhaps|i wish|i think|i guess|i hope|what if|if i|if we|if my|i'd|i'll|i'm going to|i am going to|supposedly|probably|should|not sure";

/// Greetings and fillers before a statement.
pub(super) const LEAD: &str = r"(?i)^(?:(?:by the way|btw|actually|also|well|so|ok|okay|oh|and|but|hi|hello|hey|hey there|hi there|no|yes|yeah|right|anyway|update|news|fyi|in fact|to be clear|just so you know|you know|scrubjay|good (?:morning|evening|afternoon)|thanks|thank you|sorry)(?:[,:!.-]+ *| +scrubjay[,:!]* *| +))";

/// What may follow a value and is no part of it.
pub(super) const TAIL: &str = "now|currently|these days|nowadays|at the moment|at present|already|again|too|as well|anymore|any more|any longer|by the way|btw|last (?:week|month|year|summer|winter|spring|autumn|weekend|night)|this (?:week|month|year)|yesterday|since .+|for (?:good|work|now|years|ages|[0-9a-z]+ (?:days|weeks|months|years))|[0-9a-z]+ (?:days|weeks|months|years) ago|with (?:my|her|his|our|their) .+|in (?:19|20)[0-9]{2}|and .{1,12}(?:love|like|hate) it";

/// What begins a further thought behind a value.
pub(super) const THOUGHT: &str = "because|'cause|cause it|so that|so i|but|although|though|which|and it's|and it is|it's|it is|they're|they are|that's why|and i";

/// Words that no subject holds.
pub(super) const NO_SUBJECT: &str = "i we he she it they you this that there these those who what which where when why how everyone everybody someone somebody nobody anyone people everything something nothing here one said says say saying thinks think thought told tells asked asks knows believes if because so but or not and than then whether i'm it's that's he's she's can will did does your me him them us their with for just wow agreed being having";

/// First words that no value has.
pub(super) const NO_VALUE: &str = "not it this that them him her you me us to no never n't what where who how so nothing something anything everything";

/// Capitalised words after "I'm" that are no names; languages and moods.
pub(super) const NO_NAME: &str = "american english british french german italian spanish portuguese russian chinese japanese korean indian irish scottish welsh dutch danish swedish norwegian finnish polish czech greek turkish ukrainian canadian australian brazilian mexican african european asian vegan vegetarian catholic christian muslim jewish buddhist hindu ok okay sorry happy sad tired sure fine good great back here going not";

/// Said of passwords without telling them.
pub(super) const NO_SECRET: &str = "wrong weak strong expired secure insecure safe required correct incorrect long short old new here there missing invalid lost empty unknown changed set reset hidden protected optional needed same default broken secret private written stored saved too very still in on at under with like";

/// One has these without owning them.
pub(super) const NO_THING: &str = "question questions problem problems idea feeling headache cold fever point doubt doubts look plan request issue bug error hunch cough lot lots bit few been had to time no never nothing got gone seen heard read tried done made found lost moved started finished decided great good nice hard tough wonderful amazing awesome fun blast chance sense way hope surge news plans talk chat other such huge big real true little";

/// One says so of anything: no definition.
pub(super) const NO_DEFINITION: &str = "lot ton world great good bad best worst better perfect huge must big real nice awesome amazing wonderful way fun key dream shame pity joke mix challenge disaster mess thing one only same most kind sort part reason future";

/// What is liked in passing.
pub(super) const NO_TASTE: &str =
    "way when how your his her their thought idea what if seeing having being how's fact";

/// Moods and doings, no traits of a thing.
pub(super) const NO_TRAIT: &str = "about awesome amazing great good bad nice fine so very really all like just too quite pretty always being here there ok okay back gone ready done fun cool";

/// Taken off before a value or subject.
pub(super) const ARTICLES: &str = "a an the my our some";

/// Who somebody is to a person.
pub(super) const ROLES: &str = "sister brother mother mom mum mummy father dad daddy wife husband partner girlfriend boyfriend fiance fiancee son daughter kid child baby twin aunt uncle cousin niece nephew grandmother grandma granny grandfather grandpa granddad grandson granddaughter friend buddy colleague coworker boss manager neighbour neighbor roommate flatmate landlord landlady tenant doctor dentist vet teacher tutor coach trainer therapist lawyer accountant student cat dog puppy kitten horse parrot rabbit hamster tortoise pet";

const PLACE: Check = Check::Place;
const SECRET: Check = Check::Secret;

/// In order: the first that fits reads the clause.
pub(super) const PATTERNS: &[Pattern] = &[
    // Codes and passwords.
    row(
        Secret,
        "{a}",
        Replaces,
        SECRET,
        r"(?:my|our|the) (?P<a>password|passcode|passphrase|pin|pin code|code|combination|login) (?:for|of|to|at|on) (?:my |our |the )?(?P<s>.{1,40}?)(?: is|'s|’s|:| =) {v}",
    ),
    row(
        Secret,
        "{a}",
        Replaces,
        SECRET,
        r"(?:(?P<d>my|our|the) )?(?P<s>.{1,40}?)(?: |'s |’s )(?P<a>password|passcode|passphrase|pin|pin code|pin number|lock code|access code|code|combination|login)(?: is(?: now)?|:| =| has changed to| changed to) {v}",
    ),
    row(
        Secret,
        "{a}",
        Replaces,
        SECRET,
        r"(?:my|our) (?P<a>password|passcode|passphrase|pin|pin code|code|ssn|social security number|passport number|iban|account number|card number)(?: is(?: now)?|:| =) {v}",
    ),
    row(
        Secret,
        "password",
        Replaces,
        SECRET,
        r"{i} (?:changed|set|reset) (?P<d>my|our|the) (?P<s>.{1,30}?) password to {v}",
    ),
    // Who I am.
    row(
        Identity,
        "name",
        Replaces,
        Any,
        r"(?:my (?:full |first |real )?name(?: is|'s|’s)|(?:please )?call me|i(?: am|'m|’m) called|people call me|i go by) (?P<v>[^,]{1,60})",
    ),
    row(
        Identity,
        "age",
        Replaces,
        Any,
        r"i(?: am|'m|’m)(?: now)? (?P<v>[0-9]{1,3})(?: years old| years of age)?",
    ),
    row(
        Identity,
        "is from",
        Replaces,
        PLACE,
        r"(?:i|we)(?: am|'m|’m| are|'re|’re| come)(?: originally)? from {v}",
    ),
    row(
        Identity,
        "is allergic to",
        Adds,
        Any,
        r"i(?: am|'m|’m)(?: very| highly)? (?:allergic|intolerant) to {v}",
    ),
    row(
        Identity,
        "job",
        Replaces,
        Any,
        r"(?:i(?: now)? work as|my (?:job|profession|occupation) is|i(?: am|'m|’m) employed as|i started (?:work|working) as) {v}",
    ),
    row(
        Identity,
        "works at",
        Replaces,
        PLACE,
        r"{i} (?:work|started (?:work|working)) (?:at|for|in|with) {v}",
    ),
    row(
        Identity,
        "studies",
        Replaces,
        Any,
        r"{i} (?:study|(?:am|'m|’m) studying) {v}",
    ),
    row(
        Identity,
        "is",
        Adds,
        Any,
        r"i(?: am|'m|’m)(?: a| an)? (?P<v>vegan|vegetarian|pescatarian|diabetic|coeliac|celiac|left-handed|right-handed|colou?r-?blind|married|single|divorced|widowed|pregnant|retired|unemployed|dyslexic|deaf|blind|asthmatic|american|british|french|german|italian|spanish|portuguese|russian|irish|dutch|indian|chinese|japanese|ukrainian|canadian|australian|brazilian)",
    ),
    row(
        Preference,
        "likes",
        Contradicts("dislikes"),
        Taste,
        r"(?:i'm|i’m|i am) (?:an? (?:[a-z]+ )?fan of|fond of|into) {v}",
    ),
    row(Identity, "is a", Adds, Thing, r"i(?: am|'m|’m) an? {v}"),
    row(
        Identity,
        "name",
        Replaces,
        Name,
        r"(?:i am|i'm|i’m|this is) {v}",
    ),
    row(Identity, "speaks", Adds, Any, r"{i} speak {v}"),
    row(
        Identity,
        "was born in",
        Replaces,
        Any,
        r"i was born (?:in|on|at) {v}",
    ),
    // Past and end before the present they look like.
    row(
        Place,
        "lives in",
        Ends,
        PLACE,
        r"{i} (?:no longer live|don't live|don’t live|do not live|(?:have )?moved (?:out of|away from)) (?:in |at )?{v}",
    ),
    row(
        Preference,
        "likes",
        Ends,
        Any,
        r"{i} (?:no longer|don't|don’t|do not) (?:like|love|enjoy|eat|drink) (?P<v>.+?) (?:anymore|any more|any longer)",
    ),
    row(
        Preference,
        "likes",
        Ends,
        Any,
        r"{i} (?:no longer (?:like|love|enjoy)|stopped (?:liking|loving|enjoying)) {v}",
    ),
    row(
        Belonging,
        "has",
        Ends,
        Thing,
        r"{i} (?:no longer (?:have|own)|sold|got rid of|gave away|lost) (?:my |our |the |a |an ){v}",
    ),
    row(
        Belonging,
        "has",
        Ends,
        Thing,
        r"{i} (?:don't|don’t|do not) (?:have|own) (?P<v>.+?) (?:anymore|any more|any longer)",
    ),
    row(
        Identity,
        "works at",
        Ends,
        PLACE,
        r"{i} (?:no longer work|don't work|quit|left my job)(?: at| for)? {v}",
    ),
    row(
        Place,
        "lives in",
        Ends,
        PLACE,
        r"{who} (?:no longer lives|doesn't live|doesn’t live|has moved out of|moved out of|moved away from) (?:in |at )?{v}",
    ),
    row(
        Place,
        "used to live in",
        Adds,
        PLACE,
        r"{i} used to live (?:in|at) {v}",
    ),
    row(
        Place,
        "used to live in",
        Adds,
        PLACE,
        r"{who} used to live (?:in|at) {v}",
    ),
    // Days.
    row(
        Date,
        "birthday",
        Replaces,
        Any,
        r"my birthday(?: is|'s|’s)(?: on)? {v}",
    ),
    row(
        Date,
        "{a}",
        Replaces,
        Any,
        r"{who}(?:'s|’s) (?P<a>birthday|anniversary)(?: is)?(?: on)? {v}",
    ),
    row(
        Date,
        "is on",
        Replaces,
        Time,
        r"(?:(?:i|we) have|i(?:'ve|’ve) got) (?:a|an|the|my) (?P<s>.{1,40}?) (?:on|at|this) {v}",
    ),
    row(
        Date,
        "is on",
        Replaces,
        Time,
        r"(?:(?:i|we) have|i(?:'ve|’ve) got) (?:a|an|the|my) (?P<s>.{1,40}?) (?P<v>(?:today|tonight|tomorrow|next ).*)",
    ),
    row(
        Date,
        "is on",
        Replaces,
        Time,
        r"{who} (?:is|are|starts?|begins?|leaves?|departs?|arrives?|ends?|opens?|closes?|takes place|(?:is|was|has been|got) (?:moved|rescheduled|postponed|booked|set|due|planned|scheduled)|moved|is due)(?: on| at| to| for| from| by| this)? {v}",
    ),
    // Where people live and work.
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{i} (?:live|stay|reside|(?:am|are) living)(?: together)? (?:in|at|on|near) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"(?:i'm|i’m|we're|we’re) (?:now )?living (?:in|at|on|near) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{i} (?:moved|relocated)(?: house)?(?: from .+?)?(?: back)? to {v}",
    ),
    row(
        Place,
        "address",
        Replaces,
        Any,
        r"my(?: home| postal)? address is {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{who} (?:now |currently |still )?(?:lives?|resides?|is living|is now living|is based) (?:in|at|on|near) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{who} (?:has |have )?(?:just |recently |now )?(?:moved|relocated)(?: from .+?)?(?: back)? to {v}",
    ),
    row(
        Relation,
        "works at",
        Replaces,
        PLACE,
        r"{who} (?:now )?works (?:at|for|in|with) {v}",
    ),
    row(
        Relation,
        "job",
        Replaces,
        Any,
        r"{who} (?:now )?works as {v}",
    ),
    // Names of others.
    row(
        Relation,
        "name",
        Replaces,
        Any,
        r"(?:my|our) (?P<s>.{1,30}?) (?:is|are) (?:called|named) {v}",
    ),
    row(
        Relation,
        "name",
        Replaces,
        Any,
        r"(?:my|our) (?P<s>.{1,30}?)(?:'s|’s) name is {v}",
    ),
    row(
        Relation,
        "name",
        Replaces,
        Any,
        r"(?:i|we)(?: have|'ve got|’ve got)(?: a| an)? (?P<s>.{1,30}?) (?:called|named) {v}",
    ),
    row(
        Relation,
        "is my",
        Adds,
        Role,
        r"(?P<s>\p{L}+(?: \p{L}+)?) is (?:my|our) (?P<v>.{1,30})",
    ),
    row(
        Relation,
        "is married to",
        Replaces,
        Any,
        r"{who} is married to {v}",
    ),
    row(
        Relation,
        "is married to",
        Replaces,
        Any,
        r"{i}(?: am|'m|’m| are) married to {v}",
    ),
    // Tastes.
    row(
        Preference,
        "favourite {a}",
        Replaces,
        Any,
        r"(?P<v>.{1,40}?) is my favou?rite {a}",
    ),
    row(
        Preference,
        "favourite {a}",
        Replaces,
        Any,
        r"my favou?rite {a} (?:is|are|has always been) {v}",
    ),
    row(
        Preference,
        "favourite {a}",
        Replaces,
        Any,
        r"{who}(?:'s|’s) favou?rite {a} (?:is|are) {v}",
    ),
    row(
        Preference,
        "dislikes",
        Contradicts("likes"),
        Taste,
        r"{i} (?:don't|don’t|do not|never) (?:really |much )?(?:like|love|enjoy|eat|drink) {v}",
    ),
    row(
        Preference,
        "dislikes",
        Contradicts("likes"),
        Taste,
        r"{i} (?:hate|dislike|detest|can't stand|can’t stand|cannot stand|avoid) {v}",
    ),
    row(Preference, "prefers", Adds, Any, r"{i} prefer {v}"),
    row(
        Preference,
        "likes",
        Contradicts("dislikes"),
        Taste,
        r"{i} (?:like|love|adore|enjoy) {v}",
    ),
    row(
        Preference,
        "dislikes",
        Contradicts("likes"),
        Taste,
        r"{who} (?:hates|dislikes|doesn't like|doesn’t like|can't stand|can’t stand) {v}",
    ),
    row(
        Preference,
        "likes",
        Contradicts("dislikes"),
        Taste,
        r"{who} (?:likes|loves|adores|enjoys) {v}",
    ),
    row(Preference, "prefers", Adds, Any, r"{who} prefers {v}"),
    row(
        Relation,
        "is allergic to",
        Adds,
        Any,
        r"{who} is(?: very| highly)? allergic to {v}",
    ),
    // Properties that have one value.
    row(
        Identity,
        "{a}",
        Replaces,
        Any,
        r"my (?P<a>(?:[\p{L}-]+ ){0,2}(?:number|email|e-mail|email address|size|height|weight|blood type|blood group|time zone|timezone|major|nickname|surname|licence plate|license plate|username|handle)) is {v}",
    ),
    row(
        Relation,
        "{a}",
        Replaces,
        Any,
        r"{who}(?:'s|’s) (?P<a>(?:[\p{L}-]+ ){0,2}(?:number|email|address|size|age|job|name|hobby|nickname|surname)) is {v}",
    ),
    // Things and where they are.
    row(
        Belonging,
        "is at",
        Replaces,
        PLACE,
        r"{i} (?:keep|put|left|hid|parked|stored|store|hide|moved) (?:my|our|the) (?P<s>.{1,30}?) (?P<v>(?:in|on|under|at|behind|near|inside|next to|with|beside|above|below) .+)",
    ),
    row(
        Belonging,
        "is at",
        Replaces,
        PLACE,
        r"(?P<d>my|our|the) (?P<s>[^,]{1,40}?) (?:is|are)(?: now| kept| always| hidden| parked| stored)* (?P<v>(?:in|on|under|at|behind|near|inside|next to|with|beside|above|below|underneath) .+)",
    ),
    row(
        Belonging,
        "is a",
        Replaces,
        Thing,
        r"(?:my|our) (?P<s>.{1,30}?) (?:is|are) an? {v}",
    ),
    row(
        Belonging,
        "is",
        Adds,
        Trait,
        r"(?:my|our) (?P<s>.{1,30}?) (?:is|are) {v}",
    ),
    row(
        Belonging,
        "has",
        Adds,
        Thing,
        r"(?:i|we)(?: have(?: got)?|'ve got|’ve got| own| bought| just got)(?: myself)? (?P<v>(?:an?|two|three|four|five|six|[0-9]+|some|my|our|new) .+)",
    ),
    row(
        Relation,
        "has",
        Adds,
        Thing,
        r"{who} has (?P<v>(?:an?|two|three|four|five|six|[0-9]+|some|new) .+)",
    ),
    // What things are.
    row(
        Definition,
        "means",
        Adds,
        Term,
        r"{who} (?:means|stands for|refers to|is short for) {v}",
    ),
    row(
        Definition,
        "is",
        Adds,
        Term,
        r"{who} (?:is|are) (?P<v>(?:an?|the) .+)",
    ),
];
