//! The order of a conversation: one answer at a time, nothing acknowledged before it is stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use molt_core::{
    AnswerKind, Answerer, Clock, Conversation, ConversationId, ConversationStore, Engine, Message, MessageId,
    MessageState, ModelId, PassageFinder, Role, RouteReason, Sampling, StoreError, TaskId, TaskSource,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ahead::Known,
    answer::{self, Ended},
    calls::TaskCall,
    continuation,
    lease::Lease,
};

/// Characters of a question that become the conversation's title.
const TITLE_CHARACTERS: usize = 48;

/// Makes a task of a line; gives the task and the sentence about it, or one plain sentence why there is none.
pub type MakeTask = Arc<dyn Fn(&str, TaskSource) -> Result<(TaskId, String), String> + Send + Sync>;

/// What was said about tasks and the task that it is about, or one plain sentence why nothing was done.
pub type TaskReply = Result<(String, Option<TaskId>), String>;

/// Does what a model calls for of the tasks that there are. Given the question, and the task that was spoken of last.
pub type DoCall = Arc<dyn Fn(&TaskCall, &str, Option<TaskId>) -> TaskReply + Send + Sync>;

/// What the assistant is made of.
pub struct AssistParts {
    pub conversations: Arc<dyn ConversationStore>,
    pub engine: Arc<dyn Engine>,
    pub finder: Arc<dyn PassageFinder>,
    pub clock: Arc<dyn Clock>,
    pub make_task: MakeTask,
    pub do_call: DoCall,
    /// Called from the task that writes the answer, in order; must return at once.
    pub on_event: Arc<dyn Fn(AssistEvent) + Send + Sync>,
}

/// What happens while an answer is written.
#[derive(Debug, Clone, PartialEq)]
pub enum AssistEvent {
    /// `offset`: UTF-16 code units of the answer before this text.
    Delta {
        conversation_id: ConversationId,
        message_id: MessageId,
        offset: u32,
        text: String,
    },
    /// What the model thinks before it answers. `offset`: UTF-16 code units of the thoughts before this text.
    Thought {
        conversation_id: ConversationId,
        message_id: MessageId,
        offset: u32,
        text: String,
    },
    /// `position` 0: the prompt is being read.
    Queued {
        conversation_id: ConversationId,
        message_id: MessageId,
        position: u32,
    },
    /// So many tokens of the prompt are read.
    Reading {
        conversation_id: ConversationId,
        message_id: MessageId,
        read: u32,
        total: u32,
    },
    /// Stored; also the last event of every answer.
    Message(Box<Message>),
    Conversations,
}

/// The model that answers; without one the best passages are the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatModel {
    pub id: ModelId,
    pub name: String,
    /// Tokens.
    pub context_length: u32,
    /// Tokens of a prompt that it reads in the time that the user is willing to wait for the first word; `None`: any number.
    pub reads: Option<u32>,
    /// The server that it runs on, if that is not this computer.
    pub host: Option<String>,
    /// Why this one, where the user did not choose it.
    pub reason: Option<RouteReason>,
    /// It was trained to call tools, and is told of them.
    pub tools: bool,
    /// It is to think before it answers, if it can.
    pub think: bool,
    /// What it has read is kept for the next prompt that begins like it, so that reading ahead spares time.
    pub keeps: bool,
    /// Of its answers; all else that it writes is greedy.
    pub sampling: Sampling,
    /// It stays loaded as long as this is held.
    pub lease: Lease,
}

impl ChatModel {
    pub(crate) fn answerer(&self) -> Answerer {
        Answerer { model: self.id.clone(), name: self.name.clone(), host: self.host.clone(), reason: self.reason }
    }
}

/// A stored question and the answer that is being written.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    pub conversation_id: ConversationId,
    pub user_message: Message,
    pub answer: Message,
}

#[derive(Debug, thiserror::Error)]
pub enum AssistError {
    #[error("there is nothing to ask")]
    Empty,
    #[error("an answer is still being written in this conversation")]
    Busy,
    #[error("only {0} can be changed this way")]
    WrongRole(&'static str),
    #[error("only the last answer can be gone on with, and only if it was cut")]
    NotCut,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cheap to clone; all clones are one assistant.
#[derive(Clone)]
pub struct Assist {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub parts: AssistParts,
    running: Mutex<HashMap<ConversationId, Running>>,
    /// Ends the reading ahead that may be going on.
    warming: Mutex<CancellationToken>,
    /// The conversation that was looked at last, and what ends taking it up.
    recalled: Mutex<Option<(ConversationId, CancellationToken)>>,
    known: Known,
}

struct Running {
    cancel: CancellationToken,
    /// The answer so far, ahead of the store by at most a second.
    answer: Message,
}

impl Assist {
    pub fn new(parts: AssistParts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                running: Mutex::default(),
                warming: Mutex::default(),
                recalled: Mutex::default(),
                known: Known::default(),
            }),
        }
    }

    /// Stores the question and starts the answer, which waits for `model`: it may still be loading.
    pub fn send(
        &self,
        conversation: Option<ConversationId>,
        text: &str,
        model: impl Future<Output = Option<ChatModel>> + Send + 'static,
    ) -> Result<Accepted, AssistError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AssistError::Empty);
        }
        let conversation = self.open(conversation, text)?;
        let user_message = self.message(&conversation.id, Role::User, text.to_owned());
        self.store(&user_message)?;
        self.answer(user_message, model)
    }

    /// Writes the answer anew; the old one is kept but no longer shown.
    pub fn retry(
        &self,
        answer: &MessageId,
        model: impl Future<Output = Option<ChatModel>> + Send + 'static,
    ) -> Result<Accepted, AssistError> {
        let store = &self.inner.parts.conversations;
        let answer = store.message(answer)?;
        if answer.role != Role::Assistant {
            return Err(AssistError::WrongRole("an answer"));
        }
        self.check_idle(&answer.conversation_id)?;
        let messages = store.messages(&answer.conversation_id)?;
        let place =
            messages.iter().position(|message| message.id == answer.id).ok_or(StoreError::NotFound("answer"))?;
        let question = messages[..place]
            .iter()
            .rev()
            .find(|message| message.role == Role::User)
            .ok_or(StoreError::NotFound("question"))?;
        store.supersede_from(&answer.id)?;
        self.answer(question.clone(), model)
    }

    /// Goes on with the last answer of a conversation, which was cut at the length of an answer.
    pub fn go_on(
        &self,
        answer: &MessageId,
        model: impl Future<Output = Option<ChatModel>> + Send + 'static,
    ) -> Result<Accepted, AssistError> {
        let before = self.inner.parts.conversations.message(answer)?;
        self.check_idle(&before.conversation_id)?;
        let messages = self.inner.parts.conversations.messages(&before.conversation_id)?;
        let is_last = messages.last().is_some_and(|last| last.id == before.id);
        let question = messages.into_iter().rev().find(|message| message.role == Role::User);
        let (true, true, Some(question)) = (is_last, continuation::is_cut(&before), question) else {
            return Err(AssistError::NotCut);
        };
        let text = continuation::whole_part(&before.text).to_owned();
        let answer = Message { state: MessageState::Streaming, error: None, text, ..before.clone() };
        self.begin(question, answer, |assist, question, answer, cancel| async move {
            answer::go_on(&assist, &question, before, answer, model, cancel).await
        })
    }

    /// Takes a question and everything after it out of its conversation, so that `text` can be said in its place.
    pub fn withdraw(&self, question: &MessageId, text: &str) -> Result<ConversationId, AssistError> {
        let old = self.inner.parts.conversations.message(question)?;
        if old.role != Role::User {
            return Err(AssistError::WrongRole("a question"));
        }
        if text.trim().is_empty() {
            return Err(AssistError::Empty);
        }
        self.check_idle(&old.conversation_id)?;
        self.inner.parts.conversations.supersede_from(question)?;
        Ok(old.conversation_id)
    }

    /// Stores a question that asks for a task, has the task made, and stores the sentence that says so.
    pub fn record_task(&self, conversation: Option<ConversationId>, text: &str) -> Result<Accepted, AssistError> {
        self.record(conversation, text, |question, answer| self.make_task(question, text, answer))
    }

    /// Stores a question about tasks with what was done about it: the sentence and the task it is about, or why it failed.
    pub fn record_reply(
        &self,
        conversation: Option<ConversationId>,
        text: &str,
        reply: TaskReply,
    ) -> Result<Accepted, AssistError> {
        self.record(conversation, text, |_, answer| tell(answer, reply))
    }

    fn record(
        &self,
        conversation: Option<ConversationId>,
        text: &str,
        fill: impl FnOnce(&Message, &mut Message),
    ) -> Result<Accepted, AssistError> {
        let conversation = self.open(conversation, text)?;
        let user_message = self.message(&conversation.id, Role::User, text.trim().to_owned());
        self.store(&user_message)?;
        let mut answer = self.message(&conversation.id, Role::Assistant, String::new());
        fill(&user_message, &mut answer);
        self.store(&answer)?;
        Ok(Accepted { conversation_id: conversation.id, user_message, answer })
    }

    /// Has a task made of `line`; `answer` says how that went.
    pub(crate) fn make_task(&self, question: &Message, line: &str, answer: &mut Message) {
        let source = TaskSource { conversation_id: question.conversation_id.clone(), message_id: question.id.clone() };
        answer.kind = Some(AnswerKind::Task);
        match (self.inner.parts.make_task)(line, source) {
            Ok((task, reply)) => (answer.task_id, answer.text) = (Some(task), reply),
            Err(reason) => (answer.state, answer.error) = (MessageState::Failed, Some(reason)),
        }
    }

    /// Stops the answer that is being written, if any, and reading ahead. What was written is kept.
    pub fn stop(&self, conversation: &ConversationId) {
        lock(&self.inner.warming).cancel();
        if let Some(running) = lock(&self.inner.running).get(conversation) {
            running.cancel.cancel();
        }
    }

    /// The messages of a conversation, with the answer that is being written as far as it is.
    pub fn messages(&self, conversation: &ConversationId) -> Result<Vec<Message>, AssistError> {
        let mut messages = self.inner.parts.conversations.messages(conversation)?;
        if let Some(running) = lock(&self.inner.running).get(conversation)
            && let Some(stored) = messages.iter_mut().find(|message| message.id == running.answer.id)
        {
            *stored = running.answer.clone();
        }
        Ok(messages)
    }

    /// Ids of the conversations in which an answer is being written.
    pub fn answering(&self) -> Vec<ConversationId> {
        lock(&self.inner.running).keys().cloned().collect()
    }

    fn open(&self, id: Option<ConversationId>, text: &str) -> Result<Conversation, AssistError> {
        let now = self.inner.parts.clock.now();
        let conversation = match id {
            Some(id) => {
                self.check_idle(&id)?;
                Conversation { updated_at: now, ..self.inner.parts.conversations.conversation(&id)? }
            }
            None => Conversation {
                id: ConversationId::random(),
                title: title(text),
                named: false,
                created_at: now,
                updated_at: now,
            },
        };
        self.inner.parts.conversations.put_conversation(&conversation)?;
        self.emit(AssistEvent::Conversations);
        Ok(conversation)
    }

    fn check_idle(&self, id: &ConversationId) -> Result<(), AssistError> {
        if lock(&self.inner.running).contains_key(id) { Err(AssistError::Busy) } else { Ok(()) }
    }

    fn message(&self, conversation: &ConversationId, role: Role, text: String) -> Message {
        Message {
            id: MessageId::random(),
            conversation_id: conversation.clone(),
            role,
            text,
            thoughts: None,
            state: MessageState::Done,
            kind: None,
            citations: Vec::new(),
            stats: None,
            error: None,
            task_id: None,
            answerer: None,
            created_at: self.inner.parts.clock.now(),
        }
    }

    fn answer(
        &self,
        question: Message,
        model: impl Future<Output = Option<ChatModel>> + Send + 'static,
    ) -> Result<Accepted, AssistError> {
        let answer = self.message(&question.conversation_id, Role::Assistant, String::new());
        let answer = Message { state: MessageState::Streaming, ..answer };
        self.begin(question, answer, |assist, question, answer, cancel| async move {
            answer::write(&assist, &question, answer, model, cancel).await
        })
    }

    fn begin<F: Future<Output = Ended> + Send + 'static>(
        &self,
        question: Message,
        answer: Message,
        write: impl FnOnce(Self, Message, Message, CancellationToken) -> F,
    ) -> Result<Accepted, AssistError> {
        let conversation = answer.conversation_id.clone();
        let cancel = CancellationToken::new();
        {
            let mut running = lock(&self.inner.running);
            if running.contains_key(&conversation) {
                return Err(AssistError::Busy);
            }
            running.insert(conversation.clone(), Running { cancel: cancel.clone(), answer: answer.clone() });
        }
        // Behind the line above: from there on nothing is read ahead.
        lock(&self.inner.warming).cancel();
        if let Err(error) = self.store(&answer) {
            lock(&self.inner.running).remove(&conversation);
            return Err(error);
        }
        let accepted =
            Accepted { conversation_id: conversation, user_message: question.clone(), answer: answer.clone() };
        let assist = self.clone();
        let written = write(self.clone(), question, answer, cancel);
        tokio::spawn(async move {
            let Ended { answer, model } = written.await;
            let answer = assist.finish(answer);
            if let Some(model) = model {
                assist.read_ahead(&answer, model);
            }
        });
        Ok(accepted)
    }

    /// Stores the ended answer, then lets the conversation go on, then tells.
    fn finish(&self, mut answer: Message) -> Message {
        if let Err(error) = self.inner.parts.conversations.put_message(&answer) {
            answer.state = MessageState::Failed;
            answer.error = Some(format!("The answer could not be saved: {error}."));
        }
        lock(&self.inner.running).remove(&answer.conversation_id);
        self.emit(AssistEvent::Message(Box::new(answer.clone())));
        answer
    }

    /// What ends the reading ahead that begins now, in place of the one before; None while an answer is written.
    pub(crate) fn read_from_now(&self) -> Option<CancellationToken> {
        let mut warming = lock(&self.inner.warming);
        if !lock(&self.inner.running).is_empty() {
            return None;
        }
        let cancel = CancellationToken::new();
        std::mem::replace(&mut *warming, cancel.clone()).cancel();
        Some(cancel)
    }

    pub(crate) fn recalled(&self) -> MutexGuard<'_, Option<(ConversationId, CancellationToken)>> {
        lock(&self.inner.recalled)
    }

    pub(crate) fn known(&self) -> &Known {
        &self.inner.known
    }

    pub(crate) fn store(&self, message: &Message) -> Result<(), AssistError> {
        self.inner.parts.conversations.put_message(message)?;
        self.emit(AssistEvent::Message(Box::new(message.clone())));
        Ok(())
    }

    /// Keeps the answer so far for those who ask for the conversation now.
    pub(crate) fn progress(&self, answer: &Message) {
        if let Some(running) = lock(&self.inner.running).get_mut(&answer.conversation_id) {
            running.answer.clone_from(answer);
        }
    }

    pub(crate) fn emit(&self, event: AssistEvent) {
        (self.inner.parts.on_event)(event);
    }

    pub(crate) fn parts(&self) -> &AssistParts {
        &self.inner.parts
    }
}

/// The first line of a question, cut between words where there are any.
/// Makes an answer of what was said about tasks.
pub(crate) fn tell(answer: &mut Message, reply: TaskReply) {
    answer.kind = Some(AnswerKind::Tasks);
    match reply {
        Ok((text, task)) => (answer.text, answer.task_id) = (text, task),
        Err(reason) => (answer.state, answer.error) = (MessageState::Failed, Some(reason)),
    }
}

fn title(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= TITLE_CHARACTERS {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARACTERS).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{whole}…")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
