using EnvPlatform.Contracts.Ids;
using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Sign-ins by password that may fail, by account and by source address apart; in the database, because the next try may reach another
/// instance. A try counts before the password is looked at, so that many at once are no more than many in turn, and no longer when the
/// password was right. One that is refused counts against neither. The same for the codes that devices show.
/// </summary>
internal sealed class SignInTries
{
    private readonly string[] _keys;
    private readonly int[] _limits;
    private readonly int _minutes;

    public SignInTries(string email, string network, IdentityOptions options)
        : this(options, ($"account {email}", options.FailedSignInsPerAccount), ($"address {network}", options.FailedSignInsPerAddress))
    {
    }

    private SignInTries(IdentityOptions options, params (string Key, int Limit)[] counted)
    {
        _keys = [.. counted.Select(one => one.Key)];
        _limits = [.. counted.Select(one => one.Limit)];
        _minutes = options.FailedSignInMinutes;
    }

    /// <summary>Wrong codes of devices that may be typed, by session and by source address.</summary>
    public static SignInTries OfUserCodes(TokenId session, string network, IdentityOptions options) => new(
        options, ($"codes of session {session}", options.WrongUserCodes), ($"codes of address {network}", options.FailedSignInsPerAddress));

    /// <summary>Codes that devices behind a source address may ask for, whatever becomes of them.</summary>
    public static SignInTries OfDevices(string network, IdentityOptions options) =>
        new(options, ($"devices of address {network}", options.DeviceCodesPerAddress));

    /// <summary>Counts a try; null when it is allowed, otherwise how long to wait.</summary>
    public async Task<TimeSpan?> TakeAsync(NpgsqlDataSource db, DateTimeOffset now, CancellationToken ct)
    {
        await using var tx = await db.BeginAsync(ct);
        var end = await tx.QuerySingleOrDefaultAsync<DateTimeOffset?>(
            """
            with counted as (
                insert into failed_sign_ins (key, failures, window_ends_at)
                select key, 1, @End from unnest(@keys) as key order by key
                on conflict (key) do update set
                    failures = case when failed_sign_ins.window_ends_at > @now then failed_sign_ins.failures + 1 else 1 end,
                    window_ends_at = case when failed_sign_ins.window_ends_at > @now then failed_sign_ins.window_ends_at
                        else excluded.window_ends_at end
                returning key, failures, window_ends_at)
            select c.window_ends_at
            from counted c
            join unnest(@keys, @limits) as l (key, allowed) on l.key = c.key
            where c.failures > l.allowed
            order by c.window_ends_at desc limit 1
            """, new { keys = _keys, limits = _limits, now, End = now.AddMinutes(_minutes) });
        if (end is { } until)
        {
            return until - now;
        }

        await tx.CommitAsync();
        return null;
    }

    /// <summary>The try was no failure after all.</summary>
    public Task GiveBackAsync(Tx tx) =>
        tx.ExecuteAsync(
            """
            with mine as (select key from failed_sign_ins where key = any(@keys) order by key for update)
            update failed_sign_ins f set failures = f.failures - 1 from mine where f.key = mine.key and f.failures > 0
            """, new { keys = _keys });
}
