"""The organisation tree of the fictional county, and the stock from which names are drawn."""
# ruff: noqa: SIM905  (texts are written a paragraph a line, names by the line)

from dataclasses import dataclass

__all__ = ["FAMILY_NAMES", "GIVEN_NAMES", "PEOPLE", "TREE", "Named", "Node"]


@dataclass(frozen=True)
class Node:
    """One organisation. `size` is the number of members on the roster (branches only), `groups` of groups.

    `character` colours the members and their history: SERVING, RETIRED, FLOATING, VILLAGE, ENTERPRISE.
    """

    code: str
    type: str
    name: str
    short_name: str
    size: int = 0
    groups: int = 0
    character: str = ""


TREE = (
    Node("001", "COMMITTEE", "中国共产党海棠县委员会（演示）", "海棠县委"),
    Node("001.001", "COMMITTEE", "中国共产党海棠县海棠街道工作委员会（演示）", "海棠街道党工委"),
    Node("001.001.001", "GRASSROOTS_COMMITTEE", "中国共产党海棠街道桂花社区委员会（演示）", "桂花社区党委"),
    Node("001.001.001.001", "BRANCH", "桂花社区第一党支部", "桂花社区第一党支部", 30, 3, "SERVING"),
    Node("001.001.001.002", "BRANCH", "桂花社区第二党支部", "桂花社区第二党支部", 26, 2, "SERVING"),
    Node(
        "001.001.001.003",
        "BRANCH",
        "桂花社区第三党支部（流动党员）",
        "桂花社区第三党支部（流动党员）",
        22,
        2,
        "FLOATING",
    ),
    Node(
        "001.001.001.004", "BRANCH", "桂花社区离退休第一党支部", "桂花社区离退休第一党支部", 31, 3, "RETIRED"
    ),
    Node(
        "001.001.001.005",
        "BRANCH",
        "桂花社区两新组织联合党支部",
        "桂花社区两新组织联合党支部",
        25,
        2,
        "ENTERPRISE",
    ),
    Node(
        "001.001.001.006", "BRANCH", "桂花社区物业服务党支部", "桂花社区物业服务党支部", 20, 0, "ENTERPRISE"
    ),
    Node(
        "001.001.001.007", "BRANCH", "桂花社区志愿者行动党支部", "桂花社区志愿者行动党支部", 26, 2, "SERVING"
    ),
    Node("001.001.002", "GENERAL_BRANCH", "中国共产党海棠街道石榴社区总支部委员会（演示）", "石榴社区党总支"),
    Node("001.001.002.001", "BRANCH", "石榴社区第一党支部", "石榴社区第一党支部", 28, 2, "SERVING"),
    Node("001.001.002.002", "BRANCH", "石榴社区第二党支部", "石榴社区第二党支部", 24, 2, "RETIRED"),
    Node("001.002", "GRASSROOTS_COMMITTEE", "中国共产党海棠县青溪镇委员会（演示）", "青溪镇党委"),
    Node("001.002.001", "BRANCH", "青溪镇机关党支部", "青溪镇机关党支部", 20, 0, "SERVING"),
    Node("001.002.002", "BRANCH", "青溪镇渡口村党支部", "渡口村党支部", 26, 2, "VILLAGE"),
    Node("001.002.003", "BRANCH", "青溪镇茶岭村党支部", "茶岭村党支部", 22, 2, "VILLAGE"),
)


@dataclass(frozen=True)
class Named:
    """A person of the acceptance scenarios or with a sign-in: placed by hand, all of them invented."""

    name: str
    code: str
    role: str = ""
    part: str = ""
    joined: int = 0


PEOPLE = (
    Named("李秀兰", "001.001.001.001", part="member", joined=2008),
    Named("陈刚", "001.001.001.001", "SECRETARY", "scenario-secretary", 2001),
    Named("张伟", "001.001.001.001", part="scenario-completed", joined=2006),
    Named("李想", "001.001.001.001", part="scenario-under-way", joined=2016),
    Named("王芳", "001.001.001.001", part="scenario-at-risk", joined=2012),
    Named("赵淑珍", "001.001.001.001", part="scenario-exempt", joined=1966),
    Named("吴凡", "001.001.001.001", part="scenario-not-counted", joined=2019),
    Named("周敏", "001.001.001.002", part="organiser", joined=2005),
    Named("陈思远", "001.001.001.003", part="floating", joined=2015),
    Named("张德厚", "001.001.001.004", part="elder", joined=1972),
)
"""Posts of `organiser` are given in members.py: she looks after 桂花社区党委."""

FAMILY_NAMES = (
    "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 梁 郑 谢 宋 唐 许 冯 韩 曹 曾 彭 萧 蔡 潘 田 "
    "董 袁 于 余 叶 蒋 杜 苏 魏 程 吕 丁 沈 任 姚 卢 傅 钟 姜 崔 谭 廖 范 汪 陆 金 石 戴 贾 韦 夏 邱 方 侯 邹 熊 "
    "孟 秦 白 阎 薛 尹 段 雷 黎 史 龙 陶 贺 顾 郝 龚 邵 万 钱 严 覃 武 戚 莫 孔 向 汤 欧阳 司徒 上官"
).split()

GIVEN_NAMES = {
    "old": (
        "玉珍 桂英 秀英 凤兰 淑芬 春梅 素琴 月娥 金花 翠莲 玉兰 惠芳 志明 长庚 有田 福生 永和 家旺 守信 广义 炳文 树森 世昌 "
        "兴华 根生 水生 保全 富贵 学文 正芳 美玉 爱莲 巧云 兰香 菊英 宝珠 桂芝 秀梅 长青 春生 正德 满仓 喜顺 银凤"
    ).split(),
    "middle": (
        "丽华 晓红 海燕 文斌 红梅 雪梅 艳玲 春燕 立新 永胜 新民 俊峰 爱民 晓东 少华 玉梅 丽娟 秋菊 慧敏 志远 海涛 亚琴 雅琴 "
        "向阳 明亮 润生 宏伟 彩霞 春雷 文静 素芳 晓燕 海霞 玉华 伟民 志勇 立平 雪芳 文娟 红霞 丽君 永明 冬梅 艳红 利民 成林"
    ).split(),
    "young": (
        "子涵 雨桐 浩然 一鸣 思琪 佳怡 宇航 晨曦 若溪 嘉豪 梦瑶 泽宇 欣悦 俊杰 诗涵 天佑 文博 静怡 志鹏 晓雯 雪晴 明哲 书瑶 "
        "子墨 一帆 可欣 致远 安然 雨晴 景行 婉清 博文 星辰 亦凡 乐天 清扬 知夏 沐阳 怀瑾 子轩 佳琪 明轩 若彤 嘉怡 雨欣"
    ).split(),
}
