using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

using Microsoft.Extensions.Options;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>By what a server knows whether a file is still the same (RFC 9110, 8.8).</summary>
internal sealed record Validators(string? ETag, DateTimeOffset? LastModified);

/// <summary>Why a feed could not be fetched, in words for whoever runs the platform.</summary>
internal sealed class FeedException(string message) : Exception(message);

/// <summary>
/// Fetches a file unless it is the one that is known already. A download that breaks off goes on where it was, when the server can say that the
/// file is still the same (RFC 9110, 13.1.5 and 14).
/// </summary>
internal sealed partial class FetchFeed(IOptions<FeedOptions> options, IOptions<ScannerOptions> limits, TimeProvider clock, ILogger<FetchFeed> log) : IDisposable
{
    private const int MaxChecksumBytes = 64 << 10;
    private const long MaxUnpackedBytes = 4L << 30;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { { "User-Agent", "EnvPlatform" } },
    };

    private TimeSpan Idle => TimeSpan.FromSeconds(options.Value.IdleSeconds);

    /// <param name="file">Empty; holds what was fetched, from its beginning.</param>
    /// <returns>Null when what is known is what is published.</returns>
    /// <exception cref="FeedException">The server does not give the file, it is too large, or not the one that was published.</exception>
    public async Task<Validators?> RunAsync(string name, FeedSource source, Validators known, FileStream file, CancellationToken ct)
    {
        var url = new Uri(source.Url);
        Validators? fetched = null;
        for (var attempt = 0; ; attempt++)
        {
            string reason;
            try
            {
                using var response = await AskAsync(url, file.Length > 0 ? null : known, file.Length > 0 ? fetched : null, file.Length, ct);
                if (response.StatusCode == HttpStatusCode.NotModified && file.Length == 0)
                {
                    return null;
                }

                if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == file.Length && file.Length > 0)
                {
                    LogResumed(name, file.Length);
                }
                else if (response.StatusCode == HttpStatusCode.OK)
                {
                    file.SetLength(0);
                    fetched = ValidatorsOf(response);
                }
                else if (IsPassing(response.StatusCode))
                {
                    // An answer that does not fit what is there already: it is of another file.
                    file.SetLength(response.StatusCode is HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable ? 0 : file.Length);
                    throw new HttpRequestException($"the server answered {(int)response.StatusCode}");
                }
                else
                {
                    throw new FeedException($"The server answered {(int)response.StatusCode}.");
                }

                await ReceiveAsync(response, file, ct);
                break;
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !ct.IsCancellationRequested))
            {
                reason = exception is OperationCanceledException ? $"nothing came for {Idle.TotalSeconds} seconds" : exception.Message;
            }

            if (attempt >= options.Value.MaxResumes)
            {
                throw new FeedException($"The download broke off {attempt + 1} times, at last: {reason}.");
            }

            LogBroken(name, file.Length, reason);
            if (fetched is null || Condition(fetched) is null)
            {
                // Nothing says that the rest would be of the same file.
                file.SetLength(0);
            }

            await Task.Delay(FirstPause * Math.Pow(2, Math.Min(attempt, 8)), clock, ct);
        }

        if (source.ChecksumUrl.Length > 0)
        {
            await VerifyAsync(new Uri(source.ChecksumUrl), file, ct);
        }

        file.Position = 0;
        return fetched!;
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> AskAsync(Uri url, Validators? known, Validators? begun, long from, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (known?.ETag is { } etag && EntityTagHeaderValue.TryParse(etag, out var tag))
        {
            request.Headers.IfNoneMatch.Add(tag);
        }

        request.Headers.IfModifiedSince = known?.LastModified;
        if (begun is not null)
        {
            request.Headers.Range = new RangeHeaderValue(from, null);
            request.Headers.IfRange = Condition(begun);
        }

        using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
        idle.CancelAfter(Idle);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, idle.Token);
    }

    private async Task ReceiveAsync(HttpResponseMessage response, FileStream file, CancellationToken ct)
    {
        var limit = limits.Value.MaxImportBytes;
        if (response.Content.Headers.ContentLength > limit - file.Length)
        {
            throw TooLarge(limit);
        }

        file.Position = file.Length;
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
        idle.CancelAfter(Idle);
        await using var body = await response.Content.ReadAsStreamAsync(idle.Token);
        var buffer = new byte[64 << 10];
        int read;
        while ((read = await body.ReadAsync(buffer, idle.Token)) > 0)
        {
            idle.CancelAfter(Idle);
            if (file.Length + read > limit)
            {
                throw TooLarge(limit);
            }

            await file.WriteAsync(buffer.AsMemory(0, read), ct);
        }

        await file.FlushAsync(ct);
    }

    private async Task VerifyAsync(Uri url, FileStream file, CancellationToken ct)
    {
        string text;
        try
        {
            using var response = await AskAsync(url, null, null, 0, ct);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new FeedException($"The server answered {(int)response.StatusCode} for the checksum.");
            }

            using var idle = CancellationTokenSource.CreateLinkedTokenSource(ct);
            idle.CancelAfter(Idle);
            await response.Content.LoadIntoBufferAsync(MaxChecksumBytes, idle.Token);
            text = await response.Content.ReadAsStringAsync(idle.Token);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new FeedException($"The checksum could not be fetched: {exception.Message}");
        }

        if (Sha256().Match(text) is not { Success: true } expected)
        {
            throw new FeedException("What should be the checksum holds no SHA-256.");
        }

        var wanted = Convert.FromHexString(expected.Value);
        var (packed, unpacked) = (await HashAsync(file, ct), await UnpackedHashAsync(file, ct));
        if (!wanted.AsSpan().SequenceEqual(packed) && !wanted.AsSpan().SequenceEqual(unpacked))
        {
            throw new FeedException("The file is not the one that its checksum speaks of.");
        }
    }

    private static async Task<byte[]> HashAsync(FileStream file, CancellationToken ct)
    {
        file.Position = 0;
        return await SHA256.HashDataAsync(file, ct);
    }

    private static async Task<byte[]> UnpackedHashAsync(FileStream file, CancellationToken ct)
    {
        file.Position = 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var gzip = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true);
        var buffer = new byte[64 << 10];
        var total = 0L;
        try
        {
            int read;
            while ((read = await gzip.ReadAsync(buffer, ct)) > 0 && (total += read) <= MaxUnpackedBytes)
            {
                hash.AppendData(buffer, 0, read);
            }
        }
        catch (InvalidDataException)
        {
            // Not packed, and so not what the checksum speaks of.
        }

        return hash.GetHashAndReset();
    }

    private static Validators ValidatorsOf(HttpResponseMessage response) => new(response.Headers.ETag?.ToString(), response.Content.Headers.LastModified);

    // A weak tag does not say that every byte is the same.
    private static RangeConditionHeaderValue? Condition(Validators validators) =>
        EntityTagHeaderValue.TryParse(validators.ETag, out var tag) && !tag.IsWeak ? new RangeConditionHeaderValue(tag)
        : validators.LastModified is { } time ? new RangeConditionHeaderValue(time) : null;

    private static bool IsPassing(HttpStatusCode status) =>
        (int)status >= 500 || status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.PartialContent;

    private static FeedException TooLarge(long limit) => new($"The file is larger than {limit} bytes.");

    [GeneratedRegex("(?<![0-9A-Fa-f])[0-9A-Fa-f]{64}(?![0-9A-Fa-f])", RegexOptions.None, 1000)]
    private static partial Regex Sha256();

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} goes on at byte {Position}")]
    private partial void LogResumed(string feed, long position);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} broke off at byte {Position}: {Reason}")]
    private partial void LogBroken(string feed, long position, string reason);
}
