using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>Notes every secret that an answer shows, and every password that a request holds: no other place may ever hold one.</summary>
internal sealed class MadeSecrets : DelegatingHandler
{
    private static readonly string[] Names =
    [
        "token", "access_token", "refresh_token", "client_secret", "secret", "password", "device_code", "code", "link", "key", "id_token",
    ];

    public MadeSecrets()
        : base(new HttpClientHandler())
    {
    }

    /// <summary>Each, and what made it.</summary>
    public static ConcurrentDictionary<string, string> Seen { get; } = new(StringComparer.Ordinal);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var by = $"{request.Method} {request.RequestUri!.AbsolutePath}";
        if (IsJson(request.Content?.Headers.ContentType))
        {
            Note(await request.Content!.ReadAsByteArrayAsync(cancellationToken), by, passwordsOnly: true);
        }

        var response = await base.SendAsync(request, cancellationToken);
        if (request.Method != HttpMethod.Get && response.IsSuccessStatusCode && IsJson(response.Content.Headers.ContentType))
        {
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            Note(await response.Content.ReadAsByteArrayAsync(cancellationToken), by, passwordsOnly: false);
        }

        return response;
    }

    private static bool IsJson(MediaTypeHeaderValue? type) => type?.MediaType == "application/json";

    private static void Note(byte[] json, string by, bool passwordsOnly)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            Note(document.RootElement, by, passwordsOnly);
        }
        catch (JsonException)
        {
            // Tests send what is no JSON too, and no answer to that holds a secret.
        }
    }

    private static void Note(JsonElement value, string by, bool passwordsOnly)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                Note(item, by, passwordsOnly);
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in value.EnumerateObject())
            {
                if (member.Value.ValueKind != JsonValueKind.String)
                {
                    Note(member.Value, by, passwordsOnly);
                }
                else if (passwordsOnly ? member.Name == "password" : Names.Contains(member.Name))
                {
                    // Shorter ones are no secrets of the platform's: an error's code, say.
                    if (member.Value.GetString() is { Length: >= 20 } secret)
                    {
                        Seen.TryAdd(secret, $"{member.Name} of {by}");
                    }
                }
            }
        }
    }
}
