"""The Chinese names of our columns and of a row's states, and what is read from both languages."""

from collections.abc import Mapping

OUR_MARK = "结果_"  # a sheet may well have a column 结果文件 of its own, but hardly 结果_文件
_CHINESE: Mapping[str, str] = {
    "result_status": "状态",
    "result_text": "文字",
    "result_urls": "网址",
    "result_files": "文件",
    "result_error": "错误",
    "result_error_class": "错误类别",
    "result_reason": "原因",
    "result_finish": "结束方式",
    "result_prompt_tokens": "输入token",
    "result_completion_tokens": "输出token",
    "result_total_tokens": "总token",
    "result_cost": "费用",
    "result_seconds": "秒数",
    "result_attempts": "尝试次数",
    "result_model": "模型",
    "result_request_id": "请求编号",
    "result_finished_at": "完成时间",
    "result_data": "数据",
    "result_lane": "通道",
    "result_row": "行号",
    "result_key": "行标识",
    "result_pick": "挑选",
    "result_picture": "图片",
    "result_link": "链接",
}
CHINESE_STATES: Mapping[str, str] = {
    "done": "完成",
    "failed": "失败",
    "in_doubt": "存疑",
    "pending": "等待",
    "skipped": "跳过",
    "parked": "已不在表格中",
}
_NAMES = {f"{OUR_MARK}{chinese}": name for name, chinese in _CHINESE.items()}
_STATES = {chinese: state for state, chinese in CHINESE_STATES.items()}
_PREFIX = "result_data."  # of a column for one property


def chinese_name(name: str) -> str:
    """The Chinese header of a column of ours; any other name as it is."""
    if name.startswith(_PREFIX):
        return f"{OUR_MARK}数据.{name.removeprefix(_PREFIX)}"
    return f"{OUR_MARK}{_CHINESE[name]}" if name in _CHINESE else name


def result_name(header: str) -> str:
    """A header as our column's own name, from either language; any other in lower case."""
    plain = header.strip().lower()
    return _NAMES.get(plain, plain)


def state_name(cell: object) -> object:
    """A state's own name, from either language; any other cell as it is."""
    return _STATES.get(cell, cell) if isinstance(cell, str) else cell
