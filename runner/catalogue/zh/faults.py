"""机器出故障时的中文句子：磁盘、任务表、休眠、文件句柄。"""

FAULTS = {
    "run.stopped_disk": (
        "已停止：磁盘已满（{detail}）。已付费的内容都已保存；腾出空间后再运行这张表格即可。"
    ),
    "run.stopped_replaced": "已停止：运行期间 jobs.db 被换成了另一个文件。",
    "run.rescued": "这次运行写入的内容已另存为 {path}。要接着用它，请把它改回 jobs.db。",
    "run.not_rescued": "这次运行写入的内容无法另存：{reason}。",
    "run.fewer_hands": (
        "这个进程能同时打开的文件很少，所以同时只进行 {hands} 个调用，而不是 {wanted} 个；"
        "`ulimit -n 4096` 可以放宽。"
    ),
    "run.shared_disk": (
        "{folder} 在网络磁盘上：任务表会用更安全但更慢的方式写入。"
        "用 --workspace 可以指定本机上的文件夹。"
    ),
    "run.open_folder": (
        "本机的其他用户可以查看 {folder}，提示词和回复都在里面：用 chmod 700 可以关上。"
    ),
    "run.read_again": "有 {count} 个已付费的回复现在能读懂了：没有再次请求。",
    "run.failpoint": "ROWMILL_FAILPOINT 只用于对本机网关的测试：{reason}。",
    "workspace.cannot_write": "文件夹 {folder} 无法写入：{reason}。没有发送任何内容。",
    "cli.table_away": "任务表无法使用：{reason}。其中的内容是安全的。",
}
