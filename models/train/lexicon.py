"""The word lists behind the generated text.  Everything here was written for
this generator; no data set is used.

`HAN` is the first level of the national character set GB 2312 (3,755 common
characters), computed from the codec of Python.
"""

HAN = "".join(
    bytes((row, cell)).decode("gb2312")
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF)
    if not (row == 0xD7 and cell > 0xF9)
)
# Characters that carry grammar are kept out of random names and phrases.
HAN_NAME = "".join(c for c in HAN if c not in "的是为了和在有不也都而与及或将把被")
HAN_COMMON = (
    "安博晨德恩飞刚海佳凯丽明宁鹏青瑞山涛文晓宇志中子成东方国华江林南平启天伟新阳正"
    "金水木火土石云风雨雪花草春夏秋冬红白黑蓝绿光星月日大小长高永和清远近北西上下龙虎"
    "马牛羊鱼鸟桥路城乡村河湖港湾岛峰谷泉源松柏竹梅兰荷桂枫杨柳"
)
SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
)
ONSETS = (
    "b c d f g h j k l m n p r s t v w y z bl br ch cl cr dr fl fr gl gr kl kr pl pr qu "
    "sh sk sl sn sp st th tr tw"
).split()
VOWELS = "a e i o u a e i o u ai au ea ee ia ie io oa ou y".split()
CODAS = "  l m n r s t d k x ck ld ll nd ng nn rd rk rn rt ss st th".split(" ")
FIRST = (
    "Anna Ben Clara David Emma Felix Grace Hannah Ivan Julia Karl Laura Martin Nina Oscar Paula "
    "Quinn Rosa Simon Tina Ursula Victor Wendy Xavier Yara Zoe Ahmed Beatrice Carlos Diana Elena "
    "Fatima George Helen Igor James Kate Liam Maria Noah Olga Peter Rachel Samir Thomas Vera Wei Mei"
).split()
LAST = (
    "Adams Baker Chen Diaz Evans Fischer Garcia Huang Ivanov Jones Keller Lopez Miller Novak Olsen "
    "Park Quist Rossi Smith Tanaka Ueda Vogel Weber Xu Young Zhang Brown Costa Dubois Eriksen Ferrari "
    "Gupta Hansen Ito Jansen Kim Larsen Moreau Nguyen Ortiz Patel Reyes Silva Taylor Wagner Li Wang Liu"
).split()
CITIES = (
    "Berlin Paris London Vienna Oslo Madrid Lisbon Dublin Tokyo Seoul Beijing Shanghai Shenzhen Boston "
    "Chicago Toronto Sydney Geneva Prague Warsaw Athens Rome Milan Munich Hamburg Zurich Nairobi Cairo "
    "Delhi Lima"
).split()
ZH_CITIES = (
    "北京 上海 广州 深圳 杭州 南京 成都 重庆 武汉 西安 苏州 天津 长沙 青岛 厦门 昆明 大连 宁波 济南 郑州 "
    "柏林 巴黎 伦敦 东京 纽约"
).split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
UNITS = "kg km days meters items hours pages minutes weeks liters tons boxes people GB MB kW years".split()
ZH_UNITS = "公斤 公里 天 米 件 小时 页 分钟 周 升 吨 箱 人 个 千瓦 年 台 套".split()
CURRENCIES = "EUR USD CNY GBP CHF JPY".split()
ZH_CURRENCIES = "元 万元 欧元 美元 亿元 万美元".split()

# (English, Chinese, kind of value); the kinds are functions in values.py.
ATTRIBUTES = [
    ("budget", "预算", "money"), ("price", "价格", "money"), ("total cost", "总费用", "money"),
    ("annual revenue", "年收入", "money"), ("monthly rent", "月租金", "money"), ("deposit", "押金", "money"),
    ("salary", "工资", "money"), ("invoice amount", "发票金额", "money"), ("fee", "费用", "money"),
    ("deadline", "截止日期", "date"), ("contract date", "合同日期", "date"), ("start date", "开始日期", "date"),
    ("delivery date", "交货日期", "date"), ("birthday", "生日", "date"), ("launch date", "上线日期", "date"),
    ("expiry date", "到期日", "date"), ("opening time", "开放时间", "time"), ("meeting time", "会议时间", "time"),
    ("departure time", "出发时间", "time"), ("owner", "负责人", "person"), ("manager", "经理", "person"),
    ("director", "主任", "person"), ("author", "作者", "person"), ("contact person", "联系人", "person"),
    ("designer", "设计师", "person"), ("supplier", "供应商", "org"), ("customer", "客户", "org"),
    ("partner", "合作方", "org"), ("manufacturer", "制造商", "org"), ("address", "地址", "place"),
    ("location", "地点", "place"), ("capital", "首都", "place"), ("headquarters", "总部", "place"),
    ("venue", "会场", "place"), ("room", "房间", "code"), ("invoice number", "发票号码", "code"),
    ("order number", "订单号", "code"), ("serial number", "序列号", "code"), ("version", "版本", "code"),
    ("model", "型号", "code"), ("door code", "门禁密码", "code"), ("flight number", "航班号", "code"),
    ("password", "密码", "code"), ("phone number", "电话号码", "phone"), ("email", "邮箱", "email"),
    ("website", "网站", "email"), ("color", "颜色", "phrase"), ("status", "状态", "phrase"),
    ("goal", "目标", "phrase"), ("topic", "主题", "phrase"), ("material", "材料", "phrase"),
    ("password hint", "密码提示", "phrase"), ("main risk", "主要风险", "phrase"), ("weight", "重量", "amount"),
    ("length", "长度", "amount"), ("capacity", "容量", "amount"), ("duration", "时长", "amount"),
    ("distance", "距离", "amount"), ("number of employees", "员工人数", "number"),
    ("population", "人口", "number"), ("quantity", "数量", "number"), ("score", "得分", "number"),
    ("growth rate", "增长率", "percent"), ("discount", "折扣", "percent"), ("tax rate", "税率", "percent"),
    ("temperature", "温度", "amount"), ("interest rate", "利率", "percent"),
]
# Any modifier with any noun makes an attribute nobody listed.
MODIFIERS = [
    ("backup", "备份"), ("server", "服务器"), ("kitchen", "厨房"), ("winter", "冬季"), ("north", "北部"),
    ("training", "培训"), ("travel", "差旅"), ("project", "项目"), ("sales", "销售"), ("test", "测试"),
    ("safety", "安全"), ("storage", "存储"), ("energy", "能源"), ("water", "用水"), ("product", "产品"),
    ("network", "网络"), ("service", "服务"), ("marketing", "市场"), ("garden", "花园"), ("school", "学校"),
    ("research", "研究"), ("weekly", "每周"), ("monthly", "每月"), ("first", "首次"), ("final", "最终"),
    ("maximum", "最大"), ("minimum", "最小"), ("average", "平均"), ("planned", "计划"), ("internal", "内部"),
    ("external", "外部"), ("new", "新"), ("old", "旧"), ("main", "主要"), ("second", "第二"),
    ("summer", "夏季"), ("repair", "维修"), ("insurance", "保险"), ("medical", "医疗"), ("legal", "法律"),
    ("software", "软件"), ("battery", "电池"), ("ticket", "门票"), ("parking", "停车"), ("library", "图书馆"),
]
NOUNS = [
    ("budget", "预算"), ("plan", "方案"), ("contact", "联系人"), ("code", "代码"), ("limit", "上限"),
    ("target", "目标"), ("team", "小组"), ("rate", "比率"), ("cost", "成本"), ("date", "日期"),
    ("period", "周期"), ("interval", "间隔"), ("speed", "速度"), ("size", "尺寸"), ("number", "编号"),
    ("address", "地址"), ("manager", "主管"), ("office", "办公室"), ("result", "结果"), ("report", "报告"),
    ("level", "等级"), ("value", "数值"), ("name", "名称"), ("type", "类型"), ("group", "组别"),
    ("key", "密钥"), ("fee", "费"), ("order", "订单"), ("time", "时间"), ("place", "位置"),
    ("share", "份额"), ("volume", "总量"), ("price", "单价"), ("label", "标签"), ("version", "版本"),
]
TYPES = [  # kinds of things a name can belong to
    ("project", "项目"), ("contract", "合同"), ("company", "公司"), ("hotel", "酒店"), ("bridge", "大桥"),
    ("machine", "设备"), ("report", "报告"), ("team", "团队"), ("factory", "工厂"), ("school", "学校"),
    ("library", "图书馆"), ("conference", "大会"), ("product", "产品"), ("system", "系统"), ("course", "课程"),
    ("house", "公寓"), ("ship", "号"), ("museum", "博物馆"), ("island", "岛"), ("warehouse", "仓库"),
]
# Relations told with a verb: (English statements, English questions,
# Chinese statements, Chinese questions, kind of value).
RELATIONS = [
    (["{v} leads {e}.", "{e} is led by {v}."], ["Who leads {e}?", "Who is leading {e}?"],
     ["{v}领导{e}。", "{e}由{v}领导。"], ["谁领导{e}？", "{e}由谁领导？"], "person"),
    (["{v} is responsible for {e}.", "Responsible for {e} is {v}."], ["Who is responsible for {e}?"],
     ["{v}负责{e}。", "{e}由{v}负责。"], ["谁负责{e}？", "{e}由谁负责？"], "person"),
    (["{v} signed the papers for {e}."], ["Who signed the papers for {e}?"],
     ["{v}签署了{e}的文件。"], ["谁签署了{e}的文件？"], "person"),
    (["{e} starts on {v}.", "The start of {e} is on {v}."], ["When does {e} start?", "When is the start of {e}?"],
     ["{e}于{v}开始。", "{e}定于{v}启动。"], ["{e}什么时候开始？", "{e}何时启动？"], "date"),
    (["{e} ends on {v}.", "{e} will be finished on {v}."], ["When does {e} end?", "When will {e} be finished?"],
     ["{e}于{v}结束。", "{e}将在{v}完成。"], ["{e}什么时候结束？", "{e}何时完成？"], "date"),
    (["{e} opens at {v}.", "{e} is open from {v}."], ["When does {e} open?", "At what time does {e} open?"],
     ["{e}{v}开门。", "{e}从{v}起开放。"], ["{e}几点开门？", "{e}几点开放？"], "time"),
    (["{e} is located in {v}.", "{e} can be found at {v}."], ["Where is {e}?", "Where is {e} located?"],
     ["{e}位于{v}。", "{e}就在{v}。"], ["{e}在哪里？", "{e}位于哪里？"], "place"),
    (["{e} costs {v}.", "We pay {v} for {e}."], ["How much does {e} cost?", "What does {e} cost?"],
     ["{e}的花费是{v}。", "我们为{e}支付了{v}。"], ["{e}花了多少钱？", "{e}要多少钱？"], "money"),
    (["{e} weighs {v}."], ["How heavy is {e}?", "How much does {e} weigh?"],
     ["{e}重达{v}。"], ["{e}有多重？"], "amount"),
    (["{v} work on {e}.", "{e} has {v} members."], ["How many people work on {e}?", "How many members does {e} have?"],
     ["有{v}人参与{e}。", "{e}共有{v}名成员。"], ["{e}有多少人参与？", "{e}有多少名成员？"], "number"),
    (["{e} was delivered by {v}.", "{v} delivered {e}."], ["Who delivered {e}?"],
     ["{e}由{v}交付。"], ["{e}由谁交付？", "谁交付了{e}？"], "org"),
    (["{e} uses {v}.", "{v} is used by {e}."], ["What does {e} use?"],
     ["{e}采用{v}。", "{e}使用的是{v}。"], ["{e}采用什么？", "{e}使用什么？"], "phrase"),
]
ADJECTIVES = (
    "quiet early large small open recent careful common useful simple heavy green blue red white dark "
    "silver wooden steel cotton glass bright warm cold dry clean local public private short long"
).split()
THINGS = (
    "table window paper garden engine river market letter bottle camera ladder mirror carpet bridge "
    "lamp desk folder signal cable valve panel shelf bag tool brush wheel roof door floor coat"
).split()
ZH_ADJ = "安静的 大型 小型 公开的 最近的 常用 简单的 绿色 蓝色 红色 白色 深色 银色 木制 钢制 棉质 玻璃 明亮的 温暖的 干净的 本地 公共 短期 长期".split()
ZH_THINGS = "桌子 窗户 纸张 花园 发动机 河流 市场 信件 瓶子 相机 梯子 镜子 地毯 灯具 文件夹 信号 电缆 阀门 面板 货架 工具 刷子 车轮 屋顶 地板 外套 方案 样品".split()
VERBS = "moved checked painted cleaned ordered repaired discussed found sold measured tested counted packed opened closed".split()
ZH_VERBS = "移动了 检查了 粉刷了 清理了 订购了 修理了 讨论了 找到了 卖掉了 测量了 测试了 清点了 打包了 打开了 关闭了".split()
FILLERS = [
    "The meeting went well.", "Nothing else was decided.", "More details will follow next week.",
    "We thank all who took part.", "The team {p} the {t}.", "{n} {p} the {j} {t} last week.",
    "A {j} {t} was {p} by {n}.", "Please send your comments to {n}.", "The {j} {t} and the {t2} were {p}.",
    "{n} asked whether the {t} can be {p} soon.", "There were {k} open points on the list.",
    "On {d}, {n} visited {c}.", "The next call will be on {d}.", "This section describes the {j} {t}.",
    "Several people mentioned the {t}.", "It rained in {c} on {d}.", "{n} will take care of the {t}.",
    "The discussion about the {t} took {k} minutes.", "See the notes of {d} for the {j} {t}.",
    "All numbers are preliminary.", "No one objected.", "The minutes were approved.",
]
ZH_FILLERS = [
    "会议进行得很顺利。", "没有其他决定。", "更多细节将在下周公布。", "感谢所有参与者。", "团队{p}{t}。",
    "{n}上周{p}{j}{t}。", "{n}{p}一件{j}{t}。", "请把意见发给{n}。", "{j}{t}和{t2}已经处理完毕。",
    "{n}问{t}能不能尽快处理。", "清单上还有{k}个未解决的问题。", "{d}，{n}去了{c}。", "下一次通话安排在{d}。",
    "本节介绍{j}{t}。", "有几个人提到了{t}。", "{d}{c}下了雨。", "{n}会处理{t}的事情。", "关于{t}的讨论用了{k}分钟。",
    "详情见{d}关于{j}{t}的记录。", "所有数字均为初步结果。", "没有人反对。", "会议纪要已经通过。",
]
FILES = "report notes budget minutes summary plan contract letter manual list invoice guide draft overview".split()
ZH_FILES = "周会纪要 报告 预算表 合同 会议记录 计划 说明书 清单 总结 备忘录 通知 项目文档 日记".split()
HEADINGS = "Overview Background Results Details Appendix Budget Status Team Notes Decisions Schedule Introduction".split()
ZH_HEADINGS = "概述 背景 结果 细节 附录 预算 状态 团队 备注 决定 日程 前言 第一节 第二节 第三节 总结".split()
