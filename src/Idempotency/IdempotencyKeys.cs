using System.Security.Cryptography;
using System.Text;

using Dapper;

using EnvPlatform.Postgres;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

using Npgsql;

namespace EnvPlatform.Idempotency;

/// <summary>
/// A write that is retried with the same <c>Idempotency-Key</c> has one effect and gets the first answer again
/// (draft-ietf-httpapi-idempotency-key-header). A key belongs to who sends it, the operation and the resource, however the path writes
/// that; with another query or body it is refused. Answers that say "try again" (5xx, 408, 429) are not kept. The kept answer is encrypted
/// under a key derived from the Idempotency-Key, which is not stored, because an answer may hold a secret that is shown once.
/// </summary>
public static class IdempotencyKeys
{
    public const string Header = "Idempotency-Key";
    private const int MaxKeyLength = 200;

    /// <summary>Must come after authentication; does nothing for reads and for requests without the header.</summary>
    public static IApplicationBuilder UseIdempotency(this IApplicationBuilder app) => app.Use(HandleAsync);

    private static async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)
            || !http.Request.Headers.TryGetValue(Header, out var header) || Caller.From(http) is not { } caller)
        {
            await next(http);
            return;
        }

        var key = header.ToString();
        if (key.Length is 0 or > MaxKeyLength)
        {
            await Problems.Invalid(Header, $"Must have 1 to {MaxKeyLength} characters.").ExecuteAsync(http);
            return;
        }

        http.Request.EnableBuffering();
        var db = http.RequestServices.GetRequiredService<NpgsqlDataSource>();
        var scope = RequestIdentity.ScopeOf(http, caller);
        var keySha256 = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        var requestSha256 = RequestIdentity.Fingerprint(
            http, caller, await SHA256.HashDataAsync(http.Request.Body, http.RequestAborted));
        http.Request.Body.Position = 0;
        var claim = await ClaimAsync(db, scope, keySha256, requestSha256, http.RequestAborted);
        if (claim is not null)
        {
            await AnswerAgainAsync(http, claim, key, requestSha256);
            return;
        }

        await RunAsync(http, next, db, scope, key, keySha256);
    }

    /// <summary>
    /// Null when the key is ours now; otherwise its row. A claim whose holder died before a commit expires after a minute.
    /// </summary>
    private static async Task<Row?> ClaimAsync(
        NpgsqlDataSource db, string scope, byte[] keySha256, byte[] requestSha256, CancellationToken ct)
    {
        var claimed = await db.QuerySingleOrDefaultAsync<int?>(
            """
            insert into idempotency_keys (scope, key_sha256, request_sha256) values (@scope, @keySha256, @requestSha256)
            on conflict (scope, key_sha256) do update set created_at = now(), request_sha256 = excluded.request_sha256
            where not idempotency_keys.committed and idempotency_keys.status_code is null
                and idempotency_keys.created_at < now() - interval '1 minute'
            returning 1
            """, new { scope, keySha256, requestSha256 }, ct);
        return claimed is not null ? null : await db.QuerySingleOrDefaultAsync<Row>(
            """
            select request_sha256, committed, status_code, content_type, body
            from idempotency_keys where scope = @scope and key_sha256 = @keySha256
            """, new { scope, keySha256 }, ct);
    }

    private static async Task AnswerAgainAsync(HttpContext http, Row row, string key, byte[] requestSha256)
    {
        if (!row.RequestSha256.AsSpan().SequenceEqual(requestSha256))
        {
            await Problems.Of(
                StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused", "The key was used already.",
                "The Idempotency-Key came before with another query or body: take a new key for a new request.").ExecuteAsync(http);
        }
        else if (row.StatusCode is { } status)
        {
            http.Response.StatusCode = status;
            http.Response.ContentType = row.ContentType;
            // What is answered again may hold a secret.
            http.Response.Headers.CacheControl = "no-store";
            await WriteAsync(http.Response.Body, Decrypt(row.Body ?? [], key), http.RequestAborted);
        }
        else
        {
            await Problems.Conflict(
                row.Committed ? "idempotent_answer_lost" : "idempotent_request_running",
                row.Committed ? "The first request with this key took effect, but its answer was lost. Read the resource."
                    : "The first request with this key has not been answered yet. Try again in a moment.").ExecuteAsync(http);
        }
    }

    private static async Task RunAsync(
        HttpContext http, RequestDelegate next, NpgsqlDataSource db, string scope, string key, byte[] keySha256)
    {
        var original = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        using var copy = new MemoryStream();
        http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(copy));
        // The handler's transaction marks the key, so that a crash between the commit and the response can be distinguished from a request
        // that never took effect.
        BeforeCommit.Set(tx => tx.ExecuteAsync(
            "update idempotency_keys set committed = true where scope = @scope and key_sha256 = @keySha256", new { scope, keySha256 }));
        var status = StatusCodes.Status500InternalServerError;
        try
        {
            await next(http);
            status = http.Response.StatusCode;
        }
        finally
        {
            BeforeCommit.Set(null);
            http.Features.Set(original);
            if (status >= 500 || status is StatusCodes.Status408RequestTimeout or StatusCodes.Status429TooManyRequests)
            {
                await ExecuteAsync(
                    db, "delete from idempotency_keys where scope = @scope and key_sha256 = @keySha256 and not committed",
                    new { scope, keySha256 });
            }
            else
            {
                await ExecuteAsync(
                    db,
                    """
                    update idempotency_keys set status_code = @status, content_type = @contentType, body = @body
                    where scope = @scope and key_sha256 = @keySha256
                    """, new { scope, keySha256, status, contentType = http.Response.ContentType, body = Encrypt(copy.ToArray(), key) });
            }
        }

        await WriteAsync(original.Stream, copy.GetBuffer().AsMemory(0, (int)copy.Length), http.RequestAborted);
    }

    /// <summary>An answer without a body, 204, does not bear even an empty write.</summary>
    private static ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> body, CancellationToken ct) =>
        body.IsEmpty ? ValueTask.CompletedTask : stream.WriteAsync(body, ct);

    private static async Task ExecuteAsync(NpgsqlDataSource db, string sql, object parameters)
    {
        await using var connection = await db.OpenConnectionAsync();
        await connection.ExecuteAsync(sql, parameters);
    }

    private static byte[] Encrypt(byte[] plain, string key)
    {
        using var aes = new AesGcm(DeriveKey(key), AesGcm.TagByteSizes.MaxSize);
        var result = new byte[12 + 16 + plain.Length];
        RandomNumberGenerator.Fill(result.AsSpan(0, 12));
        aes.Encrypt(result.AsSpan(0, 12), plain, result.AsSpan(28), result.AsSpan(12, 16));
        return result;
    }

    private static byte[] Decrypt(byte[] sealedBytes, string key)
    {
        using var aes = new AesGcm(DeriveKey(key), AesGcm.TagByteSizes.MaxSize);
        var plain = new byte[sealedBytes.Length - 28];
        aes.Decrypt(sealedBytes.AsSpan(0, 12), sealedBytes.AsSpan(28), sealedBytes.AsSpan(12, 16), plain);
        return plain;
    }

    private static byte[] DeriveKey(string key) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(key), 32, info: "envplatform idempotent answer"u8.ToArray());

    private sealed record Row(byte[] RequestSha256, bool Committed, int? StatusCode, string? ContentType, byte[]? Body);
}
