//! How Russian says who one is, what one has, where and when.

use super::Kind::{Belonging, Date, Definition, Identity, Place, Preference, Relation, Secret};
use super::pattern::Check::{self, Any, Time};
use super::pattern::Effect::{Adds, Contradicts, Ends, Replaces};
use super::pattern::{Pattern, row};

/// What stands before a thing of one's own.
pub(super) const OWNING: &str =
    "мой|моя|моё|мое|мои|наш|наша|наше|наши|мою|моего|моей|нашу|нашего|нашей";

/// Clauses that a conjunction may part from the one before.
pub(super) const JOINED_CLAUSE: &str = "(?:я|мы|мой|моя|моё|мое|меня|у меня)\\b";

/// Asking to have something remembered.
pub(super) const REQUEST: &str = r"(?i)^(?:пожалуйста[, ]+)?(?:запомни(?:те)?(?:[:,]? что|[:,])? |имей(?:те)? в виду(?:[:,]? что|[:,])? |не забудь(?:те)?(?:[:,]? что|[:,])? |заметка[:,]? |на заметку[:,]? |запиши(?:[:,]? что|[:,])? )";

/// First words of a question.
pub(super) const ASKING: &str = "что где когда кто кого почему зачем как какой какая какое какие сколько куда откуда чей чья разве неужели ли";

/// First words of a supposition.
pub(super) const SUPPOSING: &str = "если представь представим допустим предположим пусть";

/// What makes a statement none.
pub(super) const SUPPOSED: &str = "бы|может быть|наверное|возможно|кажется|если";

/// Greetings and fillers before a statement.
pub(super) const LEAD: &str = r"(?i)^(?:кстати|вообще-то|привет|здравствуй|здравствуйте|да|нет|ну|так|ок|теперь)(?:[,:!.-]+ *| +)";

/// What may follow a value and is no part of it.
pub(super) const TAIL: &str = "сейчас|теперь|уже|с прошлого года|в прошлом году|на прошлой неделе|вчера|с (?:19|20)[0-9]{2}(?: года)?";

/// Words that no subject holds.
pub(super) const NO_SUBJECT: &str = "я мы он она оно они ты вы это эта этот эти что кто там тут здесь все всё сказал сказала говорит думает если но или не и";

/// First words that no value has.
pub(super) const NO_VALUE: &str = "не это его её ее их тебя вас меня нас что где кто";

/// Said of passwords without telling them.
pub(super) const NO_SECRET: &str = "неверный верный старый новый слабый сложный нужен какой правильный неправильный истек сменился потерян";

/// Who somebody is to a person, in the cases that patterns meet.
pub(super) const ROLES: &str = "сестра сестру сестры брат брата мама маму мамы мать папа папу папы отец отца жена жену жены муж мужа сын сына дочь дочери дочка дочку бабушка бабушку бабушки дедушка дедушку дедушки тетя тетю дядя дядю друг друга подруга подругу подруги коллега коллегу начальник начальника сосед соседа соседка соседку врач кот кота кошка кошку собака собаку собаки пес пса";

const PLACE: Check = Check::Place;
const SECRET: Check = Check::Secret;

/// In order: the first that fits reads the clause.
pub(super) const PATTERNS: &[Pattern] = &[
    row(
        Secret,
        "password",
        Replaces,
        SECRET,
        r"(?:мой |наш )?пароль (?:от|для|на|к) (?P<s>.{1,40}?)(?: —| –| -|:| это|,)? (?P<v>[^ ]+)",
    ),
    row(
        Secret,
        "code",
        Replaces,
        SECRET,
        r"(?:мой |наш )?(?:код|пин-код|пин) (?:от |для |на |к )?(?P<s>.{1,40}?)(?: —| –| -|:| это)? (?P<v>[0-9][^ ]*)",
    ),
    row(
        Identity,
        "name",
        Replaces,
        Any,
        r"(?:меня зовут|мо[её] имя(?: —| –| -)?) (?P<v>[^,]{1,60})",
    ),
    row(
        Relation,
        "name",
        Replaces,
        Any,
        r"(?:мою|моего|нашу|нашего|мо[её]) (?P<s>\p{L}+) зовут {v}",
    ),
    row(
        Identity,
        "age",
        Replaces,
        Any,
        r"мне (?P<v>[0-9]{1,3}) (?:год|года|лет)",
    ),
    row(
        Place,
        "lives in",
        Ends,
        PLACE,
        r"(?:я|мы) больше не жив(?:у|[её]м) (?:в|во|на) {v}",
    ),
    row(
        Preference,
        "likes",
        Ends,
        Any,
        r"(?:я больше не люблю|мне больше не нрав(?:и|я)тся) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"(?:я|мы)(?: теперь| сейчас)? жив(?:у|[её]м)(?: теперь| сейчас)? (?:в|во|на) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"(?:я|мы)(?: недавно| только что)? (?:переехал|переехала|переехали)(?: жить)? (?:в|во|на) {v}",
    ),
    row(
        Identity,
        "works at",
        Replaces,
        PLACE,
        r"(?:я|мы)(?: теперь| сейчас)? работа(?:ю|ем) (?:в|во|на) {v}",
    ),
    row(
        Identity,
        "job",
        Replaces,
        Any,
        r"я(?: теперь| сейчас)? работаю {v}",
    ),
    row(
        Date,
        "birthday",
        Replaces,
        Any,
        r"(?:мой день рождения|у меня день рождения)(?: —| –| -)? {v}",
    ),
    row(
        Date,
        "birthday",
        Replaces,
        Time,
        r"день рождения (?:у )?(?:моей |моего |нашей |нашего )?(?P<s>\p{L}+(?: \p{L}+)?)(?: —| –| -)? (?P<v>[0-9].*)",
    ),
    row(
        Date,
        "is on",
        Replaces,
        Time,
        r"у меня (?P<s>\p{L}+(?: \p{L}+)?) (?P<v>(?:сегодня|завтра|послезавтра|в |во |[0-9]).*)",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{who} (?:теперь |сейчас )?жив(?:[её]т|ут) (?:в|во|на) {v}",
    ),
    row(
        Place,
        "lives in",
        Replaces,
        PLACE,
        r"{who} (?:недавно )?переехал[аи]?(?: жить)? (?:в|во|на) {v}",
    ),
    row(
        Relation,
        "works at",
        Replaces,
        PLACE,
        r"{who} (?:теперь |сейчас )?работает (?:в|во|на) {v}",
    ),
    row(
        Preference,
        "favourite {a}",
        Replaces,
        Any,
        r"(?:мой|моя|мо[её]|мои) любим(?:ый|ая|ое|ые) {a}(?: —| –| -| это)+ {v}",
    ),
    row(
        Preference,
        "dislikes",
        Contradicts("likes"),
        Any,
        r"(?:я (?:не люблю|ненавижу|терпеть не могу)|мне не нрав(?:и|я)тся) {v}",
    ),
    row(
        Preference,
        "likes",
        Contradicts("dislikes"),
        Any,
        r"(?:я(?: очень)? (?:люблю|обожаю)|мне(?: очень)? нрав(?:и|я)тся) {v}",
    ),
    row(Belonging, "has", Adds, Any, r"у (?:меня|нас) есть {v}"),
    row(
        Relation,
        "is my",
        Adds,
        Any,
        r"(?P<s>\p{L}+)(?: —| –| -)(?: это)? (?:мой|моя|мо[её]|мои) {v}",
    ),
    row(Definition, "is", Adds, Any, r"{who}(?: —| –| -) это {v}"),
    row(Definition, "is", Adds, Any, r"{who}(?: —| –) {v}"),
    row(
        Belonging,
        "is at",
        Replaces,
        PLACE,
        r"{who} (?:лежит|лежат|стоит|стоят|находится|находятся|хранится|хранятся) {v}",
    ),
];
