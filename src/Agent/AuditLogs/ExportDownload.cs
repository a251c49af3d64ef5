using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.AuditLogs;

/// <summary>
/// Fetches the content of an export into a file, and goes on where it was when the connection breaks (RFC 9110, section 14). What is there
/// already from an earlier run is not fetched again.
/// </summary>
/// <param name="show">Told the bytes that are there.</param>
internal sealed class ExportDownload(AuditLogClient client, TimeProvider clock, Action<long> show)
{
    /// <summary>How often a connection may break without that anything came.</summary>
    private const int MostFailures = 8;

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <exception cref="AgentException">It cannot be fetched, or is not what the manifest says.</exception>
    public async Task FetchAsync(Guid export, ExportManifestView manifest, string file, CancellationToken ct)
    {
        await using (var target = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read))
        {
            if (target.Length > manifest.Size)
            {
                target.SetLength(0);
            }

            target.Seek(0, SeekOrigin.End);
            for (var failures = 0; target.Length < manifest.Size;)
            {
                var before = target.Length;
                try
                {
                    await ReadAsync(export, manifest, target, ct);
                }
                catch (Exception broken) when (IsPassing(broken) && target.Length > before)
                {
                    failures = 0;
                }
                catch (Exception broken) when (IsPassing(broken) && ++failures < MostFailures)
                {
                    var pause = TimeSpan.FromMilliseconds(250 * Math.Pow(2, failures));
                    await Task.Delay(pause < LongestPause ? pause : LongestPause, clock, ct);
                }
                catch (Exception broken) when (broken is IOException or HttpRequestException)
                {
                    throw new UnreachableException($"The connection breaks again and again; {file} has what has come.");
                }

                show(target.Length);
            }
        }

        await using var whole = File.OpenRead(file);
        if (Convert.ToHexStringLower(await SHA256.HashDataAsync(whole, ct)) != manifest.Sha256)
        {
            whole.Close();
            File.Delete(file);
            throw new AgentException("What was downloaded is not what was exported: its SHA-256 is not that of the manifest. Try again.");
        }
    }

    /// <summary>The connection broke, or the platform is busy or restarts.</summary>
    private static bool IsPassing(Exception failure) => failure is IOException or HttpRequestException or UnreachableException
        || (failure is RefusedException { Status: var status }
            && (status == HttpStatusCode.TooManyRequests || status >= HttpStatusCode.InternalServerError));

    private async Task ReadAsync(Guid export, ExportManifestView manifest, FileStream target, CancellationToken ct)
    {
        var from = target.Length;
        using var response = await client.OpenAsync($"export/{export}/download", request =>
        {
            request.Headers.Accept.Clear();
            if (from > 0)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
                request.Headers.IfRange = new RangeConditionHeaderValue($"\"{manifest.Sha256}\"");
            }
        }, ct);
        if (response.StatusCode != HttpStatusCode.PartialContent && from > 0)
        {
            target.SetLength(0);
        }

        await using var body = await response.Content.ReadAsStreamAsync(ct);
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await body.ReadAsync(buffer, ct)) > 0)
        {
            await target.WriteAsync(buffer.AsMemory(0, read), ct);
            show(target.Position);
        }

        if (target.Length < manifest.Size)
        {
            throw new IOException("The answer ended early.");
        }
    }
}
