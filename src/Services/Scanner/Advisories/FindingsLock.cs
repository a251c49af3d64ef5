using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>
/// The lock that keeps results and advisories in step. Storing match results takes it shared and matches with an index of the generation
/// that it returns; changing the advisories takes it exclusively, matches the stored packages again and raises the generation. So no result
/// of an older generation can be stored after an import has looked for results to renew.
/// </summary>
internal static class FindingsLock
{
    private const long Key = 0x656e_7670_6669_6e64; // "envpfind"

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(16);

    /// <summary>Waits for an import that is changing the findings, keeps the next one out until the transaction ends.</summary>
    /// <returns>The generation of the advisories, which does not change while the lock is held.</returns>
    public static async Task<long> ShareAsync(Tx tx)
    {
        await tx.ExecuteAsync("select pg_advisory_xact_lock_shared(@Key)", new { Key });
        return await GenerationAsync(tx);
    }

    /// <summary>Waits until nobody shares the lock any more, and has it alone until the transaction ends.</summary>
    /// <remarks>
    /// Whoever would share it waits behind one who waits to have it alone. So that one long piece of work of one organization does not hold
    /// up all others behind an import, that wait is given up after a moment and begun again after as long a pause, each time for longer.
    /// </remarks>
    public static async Task<long> TakeAsync(Tx tx)
    {
        for (var patience = Shortest; !await TryAsync(tx, patience); patience = patience * 2 < Longest ? patience * 2 : Longest)
        {
            await tx.ExecuteAsync("select pg_sleep(@Seconds)", new { Seconds = patience.TotalSeconds });
        }

        return await GenerationAsync(tx);
    }

    private static async Task<bool> TryAsync(Tx tx, TimeSpan patience)
    {
        await tx.ExecuteAsync("savepoint findings_lock");
        try
        {
            await tx.ExecuteAsync(
                "select set_config('lock_timeout', @Milliseconds, true)", new { Milliseconds = $"{patience.TotalMilliseconds:0}" });
            await tx.ExecuteAsync("select pg_advisory_xact_lock(@Key)", new { Key });
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.LockNotAvailable)
        {
            await tx.ExecuteAsync("rollback to savepoint findings_lock");
            return false;
        }

        await tx.ExecuteAsync("select set_config('lock_timeout', '0', true)");
        return true;
    }

    // A statement of its own: its snapshot must be younger than the lock.
    private static Task<long> GenerationAsync(Tx tx) => tx.QuerySingleAsync<long>("select generation from advisory_state");
}
