"""The Chinese sentences of a first run's questions."""

GUIDE = {
    "command.guide": "询问还缺什么，先跑三行，再问要不要跑其余的行。",
    "guide.columns": "{sheet} 的列：{headers}",
    "guide.address": "网关地址",
    "guide.endpoint": "请求类型（编号或名称）",
    "guide.prompt_column": "哪一列是提示词（编号或名称）",
    "guide.model": "模型名称（按服务商的写法）",
    "guide.stored_key": "使用已保存的 {url} 的密钥（{masked}）",
    "guide.model_listed": "哪个模型（编号、名称，或输入一部分来查找）",
    "guide.more_models": "还有 {count} 个；输入名称的一部分来查找",
    "guide.unlisted_model": "网关的列表里没有 {model}，仍然使用",
    "guide.hidden": "隐藏的行也发送",
    "guide.without_bad": "跳过这些行，跑其余的行",
    "guide.price": "{model} 每次调用多少钱（不知道就按回车）",
    "guide.one_of": "1 到 {count} 的编号，或列表中的名称",
    "guide.settings_written": "设置已保存到 {file}（不含密钥）。",
    "guide.settings_kept": "{file} 已存在，保持不变；这些选择由表格的工作区记住。",
    "guide.settings_failed": "无法写入 {file}（{reason}）；这些选择由表格的工作区记住。",
    "guide.try": "先用前 {calls} 行试跑，发送到 {host}（价格：{price}）",
    "guide.rest": "继续跑剩余 {calls} 行（价格：{price}；{time}）",
    "guide.go_on": "继续运行",
}
