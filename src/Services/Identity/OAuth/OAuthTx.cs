using EnvPlatform.Postgres;

using Npgsql;

namespace EnvPlatform.Identity.OAuth;

/// <summary>
/// The transaction of a request to the OAuth endpoints: all that the protocol engine reads and writes by its stores, the token that is
/// issued and the audit event are one. It begins with the first statement, is committed before the answer is written (an error's too: a
/// reused token ends its grant), and is rolled back when something is thrown. While it is open the request takes no second connection.
/// </summary>
internal sealed class OAuthTx(NpgsqlDataSource db, IHttpContextAccessor http) : IAsyncDisposable
{
    private Tx? _tx;

    public async Task<Tx> GetAsync() => _tx ??= await db.BeginAsync(http.HttpContext?.RequestAborted ?? CancellationToken.None);

    public async Task CommitAsync()
    {
        if (_tx is { } tx)
        {
            _tx = null;
            await using (tx)
            {
                await tx.CommitAsync();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_tx is { } tx)
        {
            _tx = null;
            await tx.DisposeAsync();
        }
    }
}
