"""Sentence templates: {e} is an entity, {a} an attribute, {v} a value."""

EN_FACTS = [
    "The {a} of {e} is {v}.", "The {a} of {e} is {v}.", "{e}'s {a} is {v}.", "{e} has the {a} {v}.",
    "For {e}, the {a} was set to {v}.", "According to the report, the {a} of {e} is {v}.", "{v} is the {a} of {e}.",
    "The {a} for {e} was {v}.", "As agreed, the {a} of {e} will be {v}.", "We fixed the {a} of {e} at {v}.",
    "{e}: {a} {v}.", "The team confirmed {v} as the {a} of {e}.", "Please note that the {a} for {e} is now {v}.",
    "Regarding {e}, the {a} is {v}.", "In the case of {e} the {a} is {v}.", "It was decided that {v} will be the {a} for {e}.",
    "{e} ({a}: {v}) was on the list.", "On {e}: the {a} is {v}, as before.", "{e} got {v} as its {a}.",
    "Last year {e} had {v} as {a}.", "The {a} of {e}, {v}, did not change.", "{e} | {a} | {v}",
    "{e} has a {a} of {v}.", "{e} comes with a {a} of {v}.", "The {a} for {e} is {v}.", "The {a} of {e} has been set to {v} by {n}.",
    "On {d}, {n} said that the {a} of {e} is {v}.", "The {a} of {e} is {v}, not {w}.", "The {a} of {e} is {v}, as {n} wrote on {d}.",
    "{n} reports that {e} has the {a} {v} since {d}.", "The {a} of {e} is {v} and everyone agreed.", "With its {a} of {v}, {e} is well known.",
    "In {c} the {a} of {e} is {v}.", "The {a} of {e} is {v}; see the {o} for details.", "{e} ({c}): {a} = {v}.",
]
# Two statements in a sentence.
EN_PAIRS = [
    "The {a} of {e} is {v} and the {a2} is {v2}.", "{e} has the {a} {v} and the {a2} {v2}.", "For {e}, the {a} is {v}, the {a2} is {v2}.",
    "{e}: {a} {v}, {a2} {v2}.", "The {a} of {e} is {v}, while its {a2} is {v2}.", "{e} ({a} {v}, {a2} {v2}) comes next.",
]
ZH_PAIRS = [
    "{e}的{a}是{v}，{a2}是{v2}。", "{e}的{a}为{v}，{a2}为{v2}。", "关于{e}，{a}是{v}，而{a2}是{v2}。", "{e}：{a}{v}，{a2}{v2}。",
    "{e}（{a}：{v}；{a2}：{v2}）排在下一位。", "除了{a}是{v}以外，{e}的{a2}是{v2}。",
]
ZH_FACTS = [
    "{e}的{a}是{v}。", "{e}的{a}是{v}。", "{e}的{a}为{v}。", "根据报告，{e}的{a}是{v}。", "关于{e}，{a}定为{v}。",
    "{v}是{e}的{a}。", "{e}：{a}{v}。", "经确认，{e}的{a}是{v}。", "请注意，{e}的{a}现在是{v}。", "大家决定把{e}的{a}定为{v}。",
    "就{e}而言，{a}为{v}。", "{e}（{a}：{v}）已列入清单。", "去年{e}的{a}为{v}。", "{e}的{a}仍然是{v}，没有变化。",
    "目前{e}的{a}：{v}。", "{e}以{v}作为{a}。", "会上宣布{e}的{a}是{v}。", "{e} | {a} | {v}", "{e}，{a}：{v}。",
    "{e}的{a}已由{n}定为{v}。", "{d}，{n}表示{e}的{a}是{v}。", "{e}的{a}是{v}，不是{w}。", "{e}的{a}是{v}，{n}已于{d}确认。",
    "{n}说，自{d}起{e}的{a}为{v}。", "{e}的{a}是{v}，大家都同意。", "{a}为{v}的{e}很有名。", "在{c}，{e}的{a}是{v}。",
    "{e}的{a}是{v}，详情见{o}。", "{e}（{c}）：{a}为{v}。", "{e}的{a}达到{v}。", "{e}设定的{a}是{v}。",
]
EN_KEYED = ["{a}: {v}", "{a}: {v}", "{a} = {v}", "**{a}**: {v}", "{a} – {v}", "The {a} is {v}.", "{a} | {v}"]
ZH_KEYED = ["{a}：{v}", "{a}：{v}", "{a}: {v}", "**{a}**：{v}", "{a}是{v}。", "{a}为{v}", "{a} | {v}"]
EN_QUESTIONS = [
    "what is the {a} of {e}?", "what is the {a} of {e}?", "what's the {a} of {e}?", "tell me the {a} of {e}.",
    "which {a} does {e} have?", "what is {e}'s {a}?", "what {a} was given for {e}?", "{e}: {a}?", "the {a} of {e}?",
    "can you tell me the {a} of {e}?", "I need the {a} of {e}.", "do you know the {a} of {e}?",
    "please look up the {a} for {e}.", "what does it say about the {a} of {e}?", "{e} {a}?", "what was the {a} for {e}?",
    "find the {a} of {e}.", "give me the {a} of {e}.",
]
# Without the name, where it is clear what is meant.
EN_SHORT = ["what is the {a}?", "what's the {a}?", "tell me the {a}.", "the {a}?", "which {a} is given?", "what {a} is mentioned?", "do you know the {a}?"]
ZH_SHORT = ["{a}是什么？", "{a}是多少？", "请告诉我{a}。", "{a}？", "请问{a}是什么？", "文档里的{a}是什么？", "帮我查一下{a}。"]
EN_WH = {
    "person": ["who is the {a} of {e}?", "who is {e}'s {a}?", "who is the {a} for {e}?"],
    "org": ["who is the {a} of {e}?", "which company is the {a} of {e}?"],
    "date": ["when is the {a} of {e}?", "on which day is the {a} of {e}?"],
    "time": ["when is the {a} of {e}?", "at what time is the {a} of {e}?"],
    "place": ["where is the {a} of {e}?"],
    "money": ["how much is the {a} of {e}?", "how high is the {a} of {e}?", "how much was the {a} for {e}?"],
    "amount": ["how much is the {a} of {e}?"], "percent": ["how high is the {a} of {e}?"], "number": ["how high is the {a} of {e}?"],
}
ZH_QUESTIONS = [
    "{e}的{a}是什么？", "{e}的{a}是什么？", "{e}的{a}是多少？", "请告诉我{e}的{a}。", "{e}的{a}？", "请问{e}的{a}是什么？",
    "我想知道{e}的{a}。", "帮我查一下{e}的{a}。", "{e}的{a}是哪个？", "你知道{e}的{a}吗？", "关于{e}，{a}是什么？", "文档里{e}的{a}是多少？",
    "{e}有什么{a}？", "给我{e}的{a}。", "{e}{a}是多少？",
]
ZH_WH = {
    "person": ["{e}的{a}是谁？", "谁是{e}的{a}？"], "org": ["{e}的{a}是谁？", "{e}的{a}是哪家公司？"],
    "date": ["{e}的{a}是哪天？", "{e}的{a}是什么时候？"], "time": ["{e}的{a}是几点？", "{e}的{a}是什么时候？"],
    "place": ["{e}的{a}在哪里？", "{e}的{a}是哪里？"], "money": ["{e}的{a}是多少钱？", "{e}的{a}有多少？"],
    "amount": ["{e}的{a}有多少？"], "number": ["{e}的{a}有多少？"],
}
EN_SUMMARY = [
    "Summarize the passages.", "Summarize this.", "Summarize the text in one line.", "Give me a summary.", "Summarise the passages.",
    "Please summarize.", "Can you summarize this for me?", "What is this about?", "Give me a one-line summary.", "summary please",
    "Sum it up in one sentence.", "summarize", "Summarize the document.", "Write a short summary of the document.",
]
ZH_SUMMARY = [
    "总结一下。", "请总结这些内容。", "用一句话总结。", "总结文档。", "请概括一下。", "给我一个总结。", "帮我总结一下这段内容",
    "这些内容讲了什么？", "概括一下主要内容。", "总结", "请用一句话概括文档内容。", "请总结一下文档。",
]
EN_TASKS = ["remind me ", "Remind me ", "Please remind me ", "please remind me ", "Can you remind me ?", "Hey, remind me ", "Could you remind me ?"]
ZH_TASKS = ["提醒我", "请提醒我", "麻烦提醒我", "帮我提醒我"[2:], "记得提醒我", "你好，提醒我", "能不能提醒我", "到时候提醒我"]
EN_TASK_TEXT = [
    "to call {n} at {t}", "to send the {o} to {n} on {d}", "to buy a {o} and a {o2}", "about the meeting with {n} at {t}",
    "that the {o} must be ready by {d}", "tomorrow to check the {o}", "in {k} minutes to call {n}", "to pay for {e} on {d}",
    "to water the plants at {t}", "on {d} to visit {n}", "at {t} to turn off the {o}", "to ask {n} about {e}", "of {e} next week",
    "to take my medicine at {t} every day", "to book the tickets for {e} tomorrow at {t}", "to finish the report on {e} before {d}",
    "every Monday at {t} to check the {o}", "to pick up {n} at {t} on {d}", "to write to {n} tonight", "about {e}",
]
ZH_TASK_TEXT = [
    "{t}给{n}打电话", "{d}把{o}寄给{n}", "买{o}和{o2}", "{t}和{n}开会", "{d}之前准备好{o}", "明天检查{o}", "{k}分钟后联系{n}",
    "{d}支付{e}的费用", "给植物浇水", "明天{t}去看{n}", "{t}关掉{o}", "问{n}关于{e}的事", "下周处理{e}", "每天{t}吃药", "明天{t}订{e}的票",
    "{d}前完成{e}的报告", "每周一{t}检查{o}", "{d}{t}去接{n}", "今晚给{n}写邮件", "后天开会", "{e}的事情",
]
EN_GREETINGS = (
    ["Hello", "hello", "Hi", "hi", "Hey", "hey", "Good morning", "Good evening", "good morning", "Good afternoon", "Hi there",
     "Hello there", "Who are you", "who are you", "What can you do", "what can you do", "What are you", "How are you", "Greetings",
     "Hey there", "How do you work", "What is your name", "Introduce yourself", "Help", "help", "Hello again", "Good day", "Thanks", "Thank you"],
    ["", "", " Moltworker", ", Moltworker", " today", " friend"], ["", "!", "?", ".", "!!"],
)
ZH_GREETINGS = (
    ["你好", "您好", "嗨", "早上好", "晚上好", "下午好", "你是谁", "你能做什么", "你会什么", "大家好", "在吗", "你叫什么名字", "介绍一下你自己",
     "你好吗", "早", "帮助", "谢谢", "哈喽", "你是什么", "怎么用", "喂"],
    ["", "", "呀", "啊", "，Moltworker", "，助手", "，小助手"], ["", "！", "？", "。", "!", "?"],
)
EN_OPEN = [
    "What is the capital of {e}?", "Why is the sky blue?", "Who is {n}?", "What is {e}?", "Where is {c}?", "How old is {n}?",
    "Tell me about {e}.", "When was {e} founded?", "What happened in {c}?", "What does the report say about {e}?", "Explain {e}.",
]
ZH_OPEN = [
    "{e}的首都是哪里？", "天空为什么是蓝色的？", "{n}是谁？", "{e}是什么？", "{c}在哪里？", "{n}多大了？", "说说{e}。", "{e}是什么时候成立的？",
    "{c}发生了什么？", "报告里怎么说{e}？", "解释一下{e}。",
]
