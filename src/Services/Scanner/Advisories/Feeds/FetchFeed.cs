using System.Net;
using System.Net.Http.Headers;

using Microsoft.Extensions.Options;

using Polly;
using Polly.Retry;

namespace EnvPlatform.Scanner.Advisories.Feeds;

/// <summary>The validators by which a publisher knows whether a file has changed (RFC 9110, 8.8), and its hash.</summary>
/// <param name="Hash">See <see cref="StorageHash"/>.</param>
internal sealed record Validators(string? ETag, DateTimeOffset? LastModified, string? Hash = null)
{
    /// <summary>The condition to get the rest only if the file is the same (RFC 9110, 13.1.5); null where there is none.</summary>
    // A weak tag does not guarantee that every byte is the same.
    public RangeConditionHeaderValue? Condition =>
        EntityTagHeaderValue.TryParse(ETag, out var tag) && !tag.IsWeak ? new RangeConditionHeaderValue(tag)
        : LastModified is { } time ? new RangeConditionHeaderValue(time) : null;

    public static Validators Of(HttpResponseMessage response) =>
        new(response.Headers.ETag?.ToString(), response.Content.Headers.LastModified, StorageHash.Of(response.Headers));
}

/// <summary>Why a feed could not be fetched, as text for the operator.</summary>
/// <param name="isUsable">Whether the next attempt can use what was received so far.</param>
internal sealed class FeedException(string message, bool isUsable = false) : Exception(message)
{
    public bool IsUsable => isUsable;
}

/// <summary>
/// Fetches a file unless it is the one that is known already. An interrupted download, in this process or an earlier one, is resumed when
/// the publisher can confirm that the file is unchanged, and restarted when it has changed (RFC 9110, 13.1.5 and 14).
/// </summary>
internal sealed partial class FetchFeed(
    FeedClient client, VerifyFeed verify, IOptions<FeedOptions> options, IOptions<ScannerOptions> limits, TimeProvider clock,
    ILogger<FetchFeed> log)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <param name="file">What was received before; holds the whole file at the end.</param>
    /// <returns>Null when the known file is the published one.</returns>
    /// <exception cref="FeedException">The server does not send the file, it is too large, or not the one that was published.</exception>
    /// <exception cref="FeedTakenException">Another process fetches the feed now.</exception>
    public async Task<Validators?> RunAsync(Feed feed, Validators known, FeedDownload file, CancellationToken ct)
    {
        bool changed;
        try
        {
            changed = await Resuming(feed, file, ct).ExecuteAsync(async token => await TryAsync(feed, known, file, token), ct);
        }
        catch (Exception exception) when (IsBroken(exception, ct))
        {
            throw new FeedException(
                $"The download broke off {options.Value.MaxResumes + 1} times, at last: {ReasonOf(exception).TrimEnd('.')}.",
                isUsable: true);
        }

        if (!changed)
        {
            return null;
        }

        await verify.RunAsync(feed, file, ct);
        return file.Begun!;
    }

    /// <summary>Resumes an interrupted download, after a longer pause each time; every try starts where the one before ended.</summary>
    private ResiliencePipeline Resuming(Feed feed, FeedDownload file, CancellationToken ct) => options.Value.MaxResumes == 0
        ? ResiliencePipeline.Empty
        : new ResiliencePipelineBuilder { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = broken => new(broken.Outcome.Exception is { } exception && IsBroken(exception, ct)),
                MaxRetryAttempts = options.Value.MaxResumes,
                BackoffType = DelayBackoffType.Exponential,
                Delay = FirstPause,
                MaxDelay = LongestPause,
                OnRetry = broken =>
                {
                    var reason = ReasonOf(broken.Outcome.Exception!);
                    LogBroken(feed.Name, file.Length, reason);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();

    /// <returns>False when the known file is the published one.</returns>
    private async Task<bool> TryAsync(Feed feed, Validators known, FeedDownload file, CancellationToken ct)
    {
        if (file.Length > 0 && file.Begun?.Condition is null)
        {
            // Nothing guarantees that the rest would be of the same file.
            await file.RestartAsync(null, null, ct);
        }

        using var response = await AskAsync(feed, known, file, ct);
        if (response.StatusCode == HttpStatusCode.NotModified && file.Length == 0)
        {
            return false;
        }

        await BeginAsync(feed, response, file, ct);
        await ReceiveAsync(response, file, ct);
        return true;
    }

    private static bool IsBroken(Exception exception, CancellationToken ct) =>
        exception is HttpRequestException or IOException || (exception is OperationCanceledException && !ct.IsCancellationRequested);

    private string ReasonOf(Exception exception) =>
        exception is OperationCanceledException ? $"nothing came for {options.Value.IdleSeconds} seconds" : exception.Message;

    private Task<HttpResponseMessage> AskAsync(Feed feed, Validators known, FeedDownload file, CancellationToken ct) => client.GetAsync(
        feed.Url, headers =>
        {
            if (file.Length > 0)
            {
                headers.Range = new RangeHeaderValue(file.Length, null);
                headers.IfRange = file.Begun!.Condition;
                return;
            }

            if (EntityTagHeaderValue.TryParse(known.ETag, out var tag))
            {
                headers.IfNoneMatch.Add(tag);
            }

            headers.IfModifiedSince = known.LastModified;
        }, ct);

    /// <summary>Prepares for the response: the rest of a partial file, or a file from its beginning.</summary>
    private async Task BeginAsync(Feed feed, HttpResponseMessage response, FeedDownload file, CancellationToken ct)
    {
        if (response.StatusCode == HttpStatusCode.OK)
        {
            await file.RestartAsync(Validators.Of(response), response.Content.Headers.ContentLength, ct);
        }
        else if (response.StatusCode == HttpStatusCode.PartialContent && IsRest(response, file))
        {
            LogResumed(feed.Name, file.Length);
        }
        else if (response.StatusCode is HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // It does not fit what was received before, which is of another file.
            await file.RestartAsync(null, null, ct);
            throw new HttpRequestException($"the server answered {(int)response.StatusCode}");
        }
        else if ((int)response.StatusCode >= 500 || response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout)
        {
            throw new HttpRequestException($"the server answered {(int)response.StatusCode}");
        }
        else
        {
            throw new FeedException($"The server answered {(int)response.StatusCode}.");
        }
    }

    private static bool IsRest(HttpResponseMessage response, FeedDownload file) =>
        file.Length > 0 && response.Content.Headers.ContentRange is { } range && range.From == file.Length
        && (range.Length is null || file.Total is null || range.Length == file.Total)
        && (response.Headers.ETag is null || response.Headers.ETag.ToString() == file.Begun!.ETag);

    private async Task ReceiveAsync(HttpResponseMessage response, FeedDownload file, CancellationToken ct)
    {
        var limit = limits.Value.MaxImportBytes;
        if (file.Length + (response.Content.Headers.ContentLength ?? 0) > limit)
        {
            throw TooLarge(limit);
        }

        await foreach (var bytes in client.ReadAsync(response, ct))
        {
            if (file.Length + bytes.Length > limit)
            {
                throw TooLarge(limit);
            }

            await file.AppendAsync(bytes, ct);
        }

        if (file.Total is { } total && file.Length != total)
        {
            throw new HttpRequestException($"{file.Length} of {total} bytes came");
        }
    }

    private static FeedException TooLarge(long limit) => new($"The file is larger than {limit} bytes.");

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} is resumed at byte {Position}")]
    private partial void LogResumed(string feed, long position);

    [LoggerMessage(Level = LogLevel.Information, Message = "Feed {Feed} was interrupted at byte {Position}: {Reason}")]
    private partial void LogBroken(string feed, long position, string reason);
}
