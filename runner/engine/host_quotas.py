"""Limits of accounts that all hosts of a database share."""

from contextlib import AsyncExitStack

from jobs.store import Store
from jobs.store.accounts import AccountTable, account_salt
from runner.pacing.quota import Quota
from runner.pacing.rate_window import Limits
from runner.pacing.table_quota import QuotaThread, TableQuota, account_id
from runner.settings.keys import OwnedKey


class HostQuotas:
    """Each account's row is known by a hash with a secret of the database."""

    def __init__(self, stack: AsyncExitStack, table: AccountTable, salt: bytes, site: str) -> None:
        self._stack = stack
        self._table = table
        self._salt = salt
        self._site = site

    @classmethod
    def of_store(cls, stack: AsyncExitStack, store: Store, site: str) -> "HostQuotas":
        """Quotas over a store of their own; the stack ends their threads."""
        with store.read() as tx:
            salt = account_salt(tx)
        return cls(stack, AccountTable(store), salt, site)

    def of(self, owned: OwnedKey, limits: Limits) -> Quota:
        """The quota of a key's account: without a limit, only its pauses are shared."""
        name = account_id(self._salt, self._site, owned.account_words)
        quota = TableQuota(self._table, name, limits)
        self._stack.callback(QuotaThread(quota).close)
        return quota

    def mark(self, owned: OwnedKey) -> str:
        """What tells other hosts which key this is, and nobody else what it is."""
        return account_id(self._salt, self._site, owned.key.reveal()).hex()
