//! Choosing a model for a question. Pure: it is told what there is and what time it is, and asks nobody.
//!
//! Rules come first: what a model must be able to do, and whether it may be used. Among those that pass, a score weighs ability against
//! speed by how hard the question looks, and counts what went wrong lately. A conversation stays with its model as long as the rules let it.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use molt_core::{ModelId, RouteReason, estimated_tokens};

/// A question as complex as this is one for an able model.
const HARD: u8 = 40;
/// From here on only ability counts.
const HARDEST: f32 = 50.0;
/// Tokens for the system text and one passage.
const LEAST_ROOM: u32 = 512;
/// A new time until the first word counts this much against the ones before (exponentially weighted mean).
const NEWEST: f32 = 0.3;
/// Seconds until the first word that make a model half as quick as one that answers at once.
const HALF_AS_QUICK: f32 = 2.0;
/// How quick a model counts of which nothing is known, and how much of that is left if it must be loaded first.
const UNKNOWN_SPEED: f32 = 0.5;
const MUST_LOAD: f32 = 0.3;
/// Each failure in a row halves a model's score, and doubles the time for which it is left alone.
const FAILURE: f32 = 0.5;
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// Files between which models are told apart by their size.
const WEAKEST: f32 = 100e6;
const STRONGEST: f32 = 30e9;
/// A server is there for models that a desk cannot hold.
const REMOTE_STRENGTH: f32 = 0.9;

/// A model that could be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: ModelId,
    /// From 0 to 1; see [`strength`].
    pub strength: f32,
    /// Tokens.
    pub context_length: u32,
    /// Codes of ISO 639-1, `multi` for many; empty where it is not known.
    pub languages: Vec<String>,
    pub vision: bool,
    pub tools: bool,
    /// It answers without being loaded first.
    pub ready: bool,
    /// It runs on another server.
    pub remote: bool,
}

/// What a question needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Need {
    /// The least context in tokens.
    pub context: u32,
    /// Where its letters tell it.
    pub language: Option<&'static str>,
    pub vision: bool,
    pub tools: bool,
    /// From 0 to 100; see [`complexity`].
    pub complexity: u8,
    /// The user allows questions to leave this computer without being asked again.
    pub remote_allowed: bool,
    /// What answered before in this conversation.
    pub previous: Option<ModelId>,
}

impl Need {
    pub fn of(question: &str) -> Self {
        // A quarter of a context is kept for the answer.
        let context = estimated_tokens(question).saturating_add(LEAST_ROOM).saturating_mul(4) / 3;
        Self { context, language: language(question), complexity: complexity(question), ..Self::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub id: ModelId,
    pub reason: RouteReason,
}

/// How a model did.
#[derive(Debug, Clone, Copy, Default)]
struct Health {
    /// Seconds until the first word.
    first_word: Option<f32>,
    /// In a row.
    failures: u32,
    /// It is left alone until then.
    until: Option<Timestamp>,
}

/// Remembers how models did since the program was started.
#[derive(Debug, Default)]
pub struct Router {
    health: HashMap<ModelId, Health>,
}

impl Router {
    /// A model answered.
    pub fn answered(&mut self, id: &ModelId, first_word: Duration) {
        let health = self.health.entry(id.clone()).or_default();
        let seconds = first_word.as_secs_f32();
        let mean = health.first_word.map_or(seconds, |mean| mean + NEWEST * (seconds - mean));
        *health = Health { first_word: Some(mean), failures: 0, until: None };
    }

    /// A model could not be loaded, or broke off.
    pub fn failed(&mut self, id: &ModelId, now: Timestamp) {
        let health = self.health.entry(id.clone()).or_default();
        let wait = FIRST_WAIT.saturating_mul(1 << health.failures.min(10)).min(LONGEST_WAIT);
        health.failures += 1;
        health.until = now.checked_add(wait).ok();
    }

    /// The model for a question; none if there is none that may be asked. The order of the candidates decides between equals.
    pub fn choose(&self, need: &Need, candidates: &[Candidate], now: Timestamp) -> Option<Decision> {
        let allowed: Vec<&Candidate> = candidates.iter().filter(|one| need.remote_allowed || !one.remote).collect();
        let fit = |one: &&&Candidate| self.obstacle(one, need, now).is_none();
        let fitting: Vec<&Candidate> = allowed.iter().filter(fit).copied().collect();
        if let Some(kept) = fitting.iter().find(|one| need.previous.as_ref() == Some(&one.id)) {
            return Some(Decision { id: kept.id.clone(), reason: RouteReason::Kept });
        }
        // One that does not fit quite is better than none: the user hears from it why.
        let chosen = self.best(need, &fitting).or_else(|| self.best(need, &allowed))?;
        let reason = match self.best(need, &allowed).filter(|best| best.id != chosen.id) {
            Some(better) => self.obstacle(better, need, now).unwrap_or(RouteReason::Only),
            None if allowed.len() == 1 => RouteReason::Only,
            None if need.complexity >= HARD => RouteReason::Able,
            None => RouteReason::Quick,
        };
        Some(Decision { id: chosen.id.clone(), reason })
    }

    /// The rule that keeps a model from a question.
    fn obstacle(&self, one: &Candidate, need: &Need, now: Timestamp) -> Option<RouteReason> {
        let speaks = |language| one.languages.iter().any(|known| known == language || known == "multi");
        if (need.vision && !one.vision) || (need.tools && !one.tools) {
            return Some(RouteReason::Ability);
        }
        if one.context_length < need.context {
            return Some(RouteReason::Length);
        }
        if need.language.is_some_and(|language| !one.languages.is_empty() && !speaks(language)) {
            return Some(RouteReason::Language);
        }
        let is_resting = self.health.get(&one.id).and_then(|health| health.until).is_some_and(|until| now < until);
        is_resting.then_some(RouteReason::Failing)
    }

    fn best<'a>(&self, need: &Need, candidates: &[&'a Candidate]) -> Option<&'a Candidate> {
        // The first of equals, which `max_by` would not give.
        candidates.iter().rev().copied().max_by(|a, b| self.score(a, need).total_cmp(&self.score(b, need)))
    }

    /// Ability counts the more the harder the question is, speed the rest; failures halve.
    fn score(&self, one: &Candidate, need: &Need) -> f32 {
        let health = self.health.get(&one.id).copied().unwrap_or_default();
        let known = health.first_word.map_or(UNKNOWN_SPEED, |seconds| 1.0 / (1.0 + seconds / HALF_AS_QUICK));
        let speed = if one.ready { known } else { known * MUST_LOAD };
        let ability = (f32::from(need.complexity) / HARDEST).min(1.0);
        (ability * one.strength + (1.0 - ability) * speed) * FAILURE.powi(health.failures.min(20).cast_signed())
    }
}

/// How able a model is taken to be, from 0 to 1: by the logarithm of the bytes of its file, because nothing else is known of every
/// model. One of another server has no file here.
pub fn strength(size: u64, remote: bool) -> f32 {
    if remote {
        return REMOTE_STRENGTH;
    }
    ((size as f32 / WEAKEST).ln() / (STRONGEST / WEAKEST).ln()).clamp(0.0, 1.0)
}

/// Words that ask for thinking rather than for finding.
const THINKING: [&str; 28] = [
    "why",
    "how",
    "explain",
    "compare",
    "difference",
    "prove",
    "derive",
    "analyse",
    "analyze",
    "evaluate",
    "plan",
    "design",
    "step by step",
    "pros and cons",
    "summar",
    "为什么",
    "为何",
    "如何",
    "怎么",
    "解释",
    "比较",
    "区别",
    "证明",
    "推导",
    "分析",
    "评估",
    "方案",
    "总结",
];
/// Signs of code and of mathematics.
const TECHNICAL: [&str; 12] = ["```", "{", "}", "=>", "->", "();", "==", "∑", "∫", "√", "\\frac", "SELECT "];

/// How hard a question looks, from 0 to 100, in microseconds and always the same:
///
/// | what | points |
/// |---|---|
/// | its length, in estimated tokens | one for every 5, at most 40 |
/// | words that ask for thinking, each once | 20 each, at most 40 |
/// | questions and list items beyond the first | 5 each, at most 20 |
/// | signs of code or mathematics, each once | 10 each, at most 20 |
pub fn complexity(question: &str) -> u8 {
    let lower = question.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let thinks = |cue: &&&str| match cue {
        cue if !cue.is_ascii() || cue.contains(' ') => lower.contains(**cue),
        // "plan", and not "planet".
        cue if cue.len() <= 4 => words.contains(*cue),
        cue => words.iter().any(|word| word.starts_with(**cue)),
    };
    let thinking = THINKING.iter().filter(thinks).count();
    let technical = TECHNICAL.iter().filter(|sign| question.contains(**sign)).count();
    let marks = question.chars().filter(|c| matches!(c, '?' | '？')).count();
    let is_item = |line: &str| {
        line.trim_start().starts_with(['-', '*', '•']) || line.trim_start().starts_with(|c: char| c.is_ascii_digit())
    };
    let items = question.lines().filter(|line| is_item(line)).count();
    let length = estimated_tokens(question) as usize / 5;
    let points = length.min(40)
        + (20 * thinking).min(40)
        + (5 * (marks + items).saturating_sub(1)).min(20)
        + (10 * technical).min(20);
    points.min(100) as u8
}

/// The language, where the letters tell it: Latin ones do not.
fn language(question: &str) -> Option<&'static str> {
    let any = |range: std::ops::RangeInclusive<char>| question.chars().any(|c| range.contains(&c));
    if any('\u{3040}'..='\u{30FF}') {
        return Some("ja");
    }
    if any('\u{AC00}'..='\u{D7AF}') {
        return Some("ko");
    }
    any('\u{4E00}'..='\u{9FFF}').then_some("zh")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, strength: f32) -> Candidate {
        Candidate {
            id: id.into(),
            strength,
            context_length: 8192,
            languages: Vec::new(),
            vision: false,
            tools: false,
            ready: true,
            remote: false,
        }
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// A quick small model and a slow large one, known from one answer each.
    fn pair() -> (Router, Vec<Candidate>) {
        let mut router = Router::default();
        router.answered(&"small".into(), Duration::from_millis(200));
        router.answered(&"large".into(), Duration::from_secs(6));
        (router, vec![candidate("small", 0.2), candidate("large", 0.8)])
    }

    fn chosen(router: &Router, need: &Need, candidates: &[Candidate], now: Timestamp) -> Option<(String, RouteReason)> {
        router.choose(need, candidates, now).map(|decision| (decision.id.0, decision.reason))
    }

    fn is(id: &str, reason: RouteReason) -> Option<(String, RouteReason)> {
        Some((id.to_owned(), reason))
    }

    const HARD_QUESTION: &str =
        "Compare both plans and explain step by step why one is cheaper. What are the pros and cons?";

    #[test]
    fn a_simple_question_goes_to_the_quick_and_a_hard_one_to_the_able() {
        let (router, candidates) = pair();
        let choose = |question: &str| chosen(&router, &Need::of(question), &candidates, now());
        assert_eq!(choose("When is the meeting?"), is("small", RouteReason::Quick));
        assert_eq!(choose("会议是几点?"), is("small", RouteReason::Quick));
        assert_eq!(choose(HARD_QUESTION), is("large", RouteReason::Able));
        assert_eq!(
            choose("请比较两个方案，并解释为什么其中一个更便宜，分析各自的优缺点"),
            is("large", RouteReason::Able)
        );
    }

    #[test]
    fn a_conversation_stays_with_its_model_as_long_as_the_rules_let_it() {
        let (mut router, candidates) = pair();
        let need = Need { previous: Some("small".into()), ..Need::of(HARD_QUESTION) };
        assert_eq!(chosen(&router, &need, &candidates, now()), is("small", RouteReason::Kept));
        router.failed(&"small".into(), now());
        assert_eq!(chosen(&router, &need, &candidates, now()).unwrap().0, "large");
        let gone = Need { previous: Some("removed".into()), ..need };
        assert_eq!(chosen(&router, &gone, &candidates, after(60)), is("large", RouteReason::Able));
    }

    #[test]
    fn a_remote_model_is_asked_only_if_that_is_allowed() {
        let router = Router::default();
        let far = Candidate { remote: true, ..candidate("far", 0.9) };
        let candidates = [candidate("near", 0.1), far.clone()];
        let need = Need { previous: Some("far".into()), ..Need::of(HARD_QUESTION) };
        assert_eq!(chosen(&router, &need, &candidates, now()), is("near", RouteReason::Only));
        assert_eq!(router.choose(&need, std::slice::from_ref(&far), now()), None, "better no model than that one");
        let mut failing = Router::default();
        failing.failed(&"near".into(), now());
        assert_eq!(failing.choose(&need, &candidates, now()).unwrap().id.as_str(), "near");
        let allowed = Need { remote_allowed: true, previous: None, ..need };
        assert_eq!(chosen(&router, &allowed, &candidates, now()), is("far", RouteReason::Able));
    }

    #[test]
    fn rules_come_before_scores_and_are_the_reason() {
        let (mut router, mut candidates) = pair();
        let hard = Need::of(HARD_QUESTION);
        candidates[1].context_length = 600;
        assert_eq!(chosen(&router, &hard, &candidates, now()), is("small", RouteReason::Length));
        candidates[1].context_length = 8192;
        candidates[1].languages = vec!["en".into()];
        let chinese = Need::of("请比较两个方案，并解释为什么其中一个更便宜，分析各自的优缺点");
        assert_eq!(chosen(&router, &chinese, &candidates, now()), is("small", RouteReason::Language));
        candidates[1].languages = vec!["en".into(), "multi".into()];
        assert_eq!(chosen(&router, &chinese, &candidates, now()), is("large", RouteReason::Able));
        candidates[0].vision = true;
        let picture = Need { vision: true, ..hard.clone() };
        assert_eq!(chosen(&router, &picture, &candidates, now()), is("small", RouteReason::Ability));
        router.failed(&"large".into(), now());
        // Failures count in the score too; a very able one is still the better one.
        candidates[0].strength = 0.0;
        let hardest = Need { complexity: 100, ..hard };
        assert_eq!(chosen(&router, &hardest, &candidates, now()), is("small", RouteReason::Failing));
        // If none fits, one is asked all the same.
        let long = Need { context: 1_000_000, ..hardest };
        assert!(router.choose(&long, &candidates, now()).is_some());
        assert_eq!(router.choose(&long, &[], now()), None);
    }

    #[test]
    fn who_fails_is_left_alone_for_longer_and_longer_and_forgiven_after_an_answer() {
        let mut router = Router::default();
        let candidates = [candidate("a", 0.5)];
        let need = Need::of("Hi");
        let rests = |router: &Router, at: i64| router.obstacle(&candidates[0], &need, after(at)).is_some();
        let mut start = 0;
        for wait in [15, 30, 60, 120, 240, 480, 600, 600] {
            router.failed(&"a".into(), after(start));
            assert!(rests(&router, start + wait - 1) && !rests(&router, start + wait), "{wait}");
            start += wait;
        }
        for _ in 0..100 {
            router.failed(&"a".into(), after(start));
        }
        assert!(rests(&router, start + 599) && !rests(&router, start + 600));
        router.answered(&"a".into(), Duration::from_secs(1));
        assert!(!rests(&router, start));
    }

    #[test]
    fn latency_is_a_mean_in_which_the_newest_count_most() {
        let mut router = Router::default();
        let id = ModelId::from("a");
        router.answered(&id, Duration::from_secs(1));
        router.answered(&id, Duration::from_secs(11));
        assert!((router.health[&id].first_word.unwrap() - 4.0).abs() < 1e-4);
        // One that has become slow gives way.
        router.answered(&"b".into(), Duration::from_secs(2));
        let candidates = [candidate("a", 0.5), candidate("b", 0.5)];
        assert_eq!(chosen(&router, &Need::of("Hi"), &candidates, now()), is("b", RouteReason::Quick));
        // What must be loaded first is not quick.
        let unloaded = [candidate("a", 0.5), Candidate { ready: false, ..candidate("b", 0.5) }];
        assert_eq!(chosen(&router, &Need::of("Hi"), &unloaded, now()), is("a", RouteReason::Quick));
    }

    #[test]
    fn complexity_is_what_the_table_says() {
        assert_eq!(complexity(""), 0);
        assert_eq!(complexity("Show me the budget"), 1);
        assert_eq!(complexity("Improve planets"), 1);
        assert_eq!(complexity("How?"), 20);
        assert_eq!(complexity("Why? How?"), 45);
        assert_eq!(complexity("为什么？"), 20);
        assert_eq!(complexity(&"word ".repeat(1000)), 40);
        assert_eq!(complexity("- a\n- b\n- c"), 10);
        assert_eq!(complexity("let f = () => { g() }"), 21);
        let everything = format!("{HARD_QUESTION} {{ }} => {}", "a? ".repeat(200));
        assert_eq!(complexity(&everything), 100);
        assert_eq!(complexity(&everything), complexity(&everything.clone()));
    }

    #[test]
    fn strength_grows_with_the_file() {
        assert_eq!((strength(0, false), strength(50_000_000, false), strength(u64::MAX, false)), (0.0, 0.0, 1.0));
        let sizes = [400_000_000, 2_500_000_000, 9_000_000_000].map(|size| strength(size, false));
        assert!(sizes.is_sorted() && sizes[0] > 0.2 && sizes[2] < strength(0, true), "{sizes:?}");
    }

    #[test]
    fn letters_tell_the_language() {
        for (text, expected) in [("Hi", None), ("颜色?", Some("zh")), ("色は何?", Some("ja")), ("무슨 색?", Some("ko"))]
        {
            assert_eq!(language(text), expected, "{text}");
        }
    }
}
