using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EnvPlatform.EndToEnd.Fuzzing;

/// <summary>
/// Makes requests to every operation of the OpenAPI document, most of them wrong in one place or several: method, path, query, headers,
/// body, each also in bytes that no client would send. The same seed and number make the same request.
/// </summary>
/// <param name="tokens">Bearer tokens, the first of them used most.</param>
/// <param name="known">Values that exist, by the name of the path parameter; <c>id</c> by path, as <see cref="IdOf"/> says.</param>
internal sealed partial class RequestGenerator(
    JsonElement document, int seed, IReadOnlyList<string> tokens, IReadOnlyDictionary<string, string> known)
{
    private const int MaxDepth = 5;

    /// <summary>Characters stand for bytes.</summary>
    private static readonly string[] Hostile =
    [
        "", " ", "x", "0", "-1", "1", "1000", "99999999999999999999", "1e309", "NaN", "true", "null", "[]", "{}", "\"", "'", "';--", "%",
        "%00", "%zz", "%c3%28", "%ed%a0%80", "%2e%2e%2f", "..", "../..", "//", "\\", "*", "?", "#", "&", "=", ";", ",", ":", "\t",
        "M\u00c3\u00bcller", "M\u00fcller", "\u00ff\u00fe", "\u00ed\u00a0\u0080", "\u00f0\u009f\u0098\u0080", "\u00c2\u0085", "\u007f",
        "\u0001", "CVE-2022-0778", "cve-2022-0778", "conda", "pypi", "linux-64", "ok", "block", "critical", "-created_at", "seq",
        "2024-01-01", "2024-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999+14:00", "0001-01-01T00:00:00Z", "action_key:x,y", "-x:y",
        "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "sha256:0", "envp_x", "text/plain",
        new string('a', 300), new string('\u00fc', 300), new string('9', 400), string.Concat(Enumerable.Repeat("(", 1_000)),
    ];

    private static readonly string[] OddMethods = ["HEAD", "OPTIONS", "PATCH", "TRACE", "get", "PROPFIND", "POST", "DELETE", "PUT", "GET"];

    private static readonly string[] Headers =
    [
        "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "X-Org-Name", "X-Request-Id", "X-API-Version", "Idempotency-Key",
        "traceparent", "tracestate", "baggage", "Prefer", "Range", "If-None-Match", "If-Modified-Since", "Cookie", "Referer", "Origin",
        "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-EnvPlatform-Caller", "X-HTTP-Method-Override", "Content-Language",
        "TE", "Pragma", "Date", "X-Anything", "Request-Id", "Correlation-Context", "Access-Control-Request-Method", "Content-Disposition",
    ];

    private static readonly string[] HeaderValues =
    [
        "*/*", "text/plain", "text/html;q=0.1", "application/xml", "gzip, br", "identity;q=0", "v1", "v2", "bytes=0-0", "bytes=9-1",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-0000000000000000-00", "a=b,c=d",
        "wait=0", "wait=x", "respond-async", "W/\"x\"", "Mon, 01 Jan 2024 00:00:00 GMT", "127.0.0.1", "::1", "unknown", "a.b", "trailers",
    ];

    private static readonly string[] ContentTypes =
    [
        "application/json; charset=utf-8", "application/json; charset=\"utf-8\"", "application/json; charset=bogus",
        "application/json; charset=utf-7", "application/json; charset=utf-16", "application/json; charset=", "application/json;",
        "text/json", "application/merge-patch+json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "nonsense",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form-urlencoded; charset=bogus", "application/grpc",
        "application/octet-stream", "application/gzip", "application/zip", "application/vnd.cyclonedx+json", "*/*", "\u00fc/\u00fc", "",
    ];

    private static readonly string[] ContentEncodings = ["gzip", "br", "deflate", "zstd", "identity", "gzip, br", "bogus", "\u00fc", ""];
    private readonly FuzzedOperation[] _operations = FuzzedOperation.Read(document);

    public int Operations => _operations.Length;

    /// <summary>The request as it is sent, a character for each byte.</summary>
    public string Next(long number)
    {
        var random = new Random(HashCodeOf(number));
        var operation = Pick(random, _operations);
        var method = random.Next(12) == 0 ? Pick(random, OddMethods) : operation.Method;
        var target = $"{PathOf(random, operation, method)}{QueryOf(random, operation)}";
        var head = new StringBuilder().Append(method).Append(' ').Append(target).Append(" HTTP/1.1\r\nHost: gateway\r\n");
        AppendAuthorization(random, head);
        for (var more = random.Next(5); more > 0; more--)
        {
            AppendHeader(random, head);
        }

        foreach (var (name, _, _) in operation.Parameters.Where(parameter => parameter.In == "header" && random.Next(2) == 0))
        {
            head.Append(name).Append(": ").Append(random.Next(3) == 0 ? HeaderValue(random) : known["org"]).Append("\r\n");
        }

        AppendBody(random, operation, head);
        return head.ToString();
    }

    /// <summary>Like <see cref="HashCode.Combine{T1, T2}(T1, T2)"/>, but the same in every process.</summary>
    private int HashCodeOf(long number) => unchecked((int)(((ulong)number * 0x9E3779B97F4A7C15 + (ulong)seed * 0xD1B54A32D192ED03) >> 32));

    private static T Pick<T>(Random random, IReadOnlyList<T> values) => values[random.Next(values.Count)];

    private string PathOf(Random random, FuzzedOperation operation, string method)
    {
        var path = Placeholder().Replace(operation.Path, match =>
        {
            var name = match.Groups["name"].Value;
            return random.Next(5) == 0 ? Encode(random, Pick(random, Hostile), inPath: true)
                // What exists stays, so that there is something to read.
                : method == "DELETE" && name != "org" ? Guid(random)
                : known.TryGetValue(name, out var value) ? value
                : known.TryGetValue(IdOf(operation.Path), out var id) ? id : Guid(random);
        });
        return random.Next(60) switch
        {
            0 => path + "/",
            1 => path + "/" + Encode(random, Pick(random, Hostile), inPath: true),
            2 => path.ToUpperInvariant(),
            3 => path.Replace("/", "//", StringComparison.Ordinal),
            4 => "http://gateway" + path,
            _ => path,
        };
    }

    /// <summary>The word before the path's last placeholder: <c>environments</c>, <c>machines</c>...</summary>
    private static string IdOf(string path) => path[..path.LastIndexOf("/{", StringComparison.Ordinal)].Split('/')[^1];

    private string QueryOf(Random random, FuzzedOperation operation)
    {
        var query = operation.Parameters.Where(parameter => parameter.In == "query" && random.Next(3) == 0)
            .Select(parameter => $"{parameter.Name}={Encode(random, ValueOf(random, parameter.Schema, parameter.Name), inPath: false)}")
            .ToList();
        if (random.Next(12) == 0)
        {
            query.Add($"{Encode(random, Pick(random, Hostile), inPath: false)}={Encode(random, Pick(random, Hostile), inPath: false)}");
        }

        if (query.Count > 0 && random.Next(12) == 0)
        {
            query.Add(query[0]);
        }

        return query.Count == 0 ? "" : "?" + string.Join('&', query);
    }

    private string ValueOf(Random random, JsonElement schema, string name) => random.Next(3) switch
    {
        0 => Pick(random, Hostile),
        1 when known.TryGetValue(name, out var value) => value,
        _ => JsonOf(random, schema, 0).Trim('"'),
    };

    /// <summary>Mostly as it must be, otherwise with what a request line can carry of it at all.</summary>
    private static string Encode(Random random, string bytes, bool inPath) => random.Next(4) switch
    {
        0 => Unsendable().Replace(bytes, ""),
        1 when inPath => string.Concat(bytes.Select(c => $"%{(int)c:x2}")),
        _ => string.Concat(bytes.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? $"{c}" : $"%{(int)c:X2}")),
    };

    private void AppendAuthorization(Random random, StringBuilder head)
    {
        var value = random.Next(20) switch
        {
            0 => null,
            1 => "Bearer " + HeaderValue(random),
            2 => HeaderValue(random),
            3 => "Basic " + Convert.ToBase64String(Encoding.Latin1.GetBytes(Pick(random, Hostile) + ":" + Pick(random, Hostile))),
            4 or 5 => "Bearer " + Pick(random, tokens),
            6 => "bearer " + tokens[0],
            _ => "Bearer " + tokens[0],
        };
        if (value is not null)
        {
            head.Append("Authorization: ").Append(value).Append("\r\n");
        }
    }

    private static void AppendHeader(Random random, StringBuilder head) =>
        head.Append(Pick(random, Headers)).Append(": ").Append(HeaderValue(random)).Append("\r\n");

    private static string HeaderValue(Random random) =>
        random.Next(2) == 0 ? Pick(random, HeaderValues) : Pick(random, Hostile).Replace("\0", "", StringComparison.Ordinal);

    private void AppendBody(Random random, FuzzedOperation operation, StringBuilder head)
    {
        if (operation.MediaType is null && random.Next(10) != 0)
        {
            head.Append("\r\n");
            return;
        }

        var type = random.Next(5) == 0 ? Pick(random, ContentTypes) : operation.MediaType ?? "application/json";
        var body = BodyOf(random, operation, type);
        if (random.Next(8) == 0)
        {
            var encoding = Pick(random, ContentEncodings);
            head.Append("Content-Encoding: ").Append(encoding).Append("\r\n");
            body = random.Next(2) == 0 ? Pack(body, encoding) : body;
        }

        head.Append("Content-Type: ").Append(type).Append("\r\n");
        if (random.Next(8) == 0)
        {
            head.Append("Transfer-Encoding: chunked\r\n\r\n");
            head.Append(body.Length == 0 ? "" : $"{body.Length:x}\r\n{body}\r\n").Append("0\r\n\r\n");
        }
        else
        {
            head.Append("Content-Length: ").Append(body.Length).Append("\r\n\r\n").Append(body);
        }
    }

    private string BodyOf(Random random, FuzzedOperation operation, string type) => random.Next(12) switch
    {
        0 => Pick(random, Hostile),
        1 => "",
        2 => Damage(random, JsonOf(random, operation.Schema, 0)),
        3 => new string('[', random.Next(2_000)),
        4 => string.Join('&', Enumerable.Range(0, random.Next(2_000)).Select(i => $"f{i}=x")),
        5 => $"--x\r\nContent-Disposition: form-data; name=\"{Pick(random, Hostile)}\"\r\n\r\n{Pick(random, Hostile)}\r\n--x--\r\n",
        6 => BytesOf(random, random.Next(200)),
        _ when type.StartsWith("application/x-www-form-urlencoded", StringComparison.Ordinal) => FormOf(random, operation),
        _ => JsonOf(random, operation.Schema, 0),
    };

    private static string FormOf(Random random, FuzzedOperation operation)
    {
        var names = operation.Schema.ValueKind == JsonValueKind.Object && operation.Schema.TryGetProperty("properties", out var properties)
            ? properties.EnumerateObject().Select(property => property.Name).ToArray() : ["a"];
        return string.Join('&', names.Where(_ => random.Next(4) != 0).Select(name =>
            name == "grant_type" && random.Next(3) != 0 ? "grant_type=client_credentials"
            : $"{name}={(random.Next(2) == 0 ? Pick(random, Hostile) : Encode(random, Pick(random, Hostile), inPath: false))}"));
    }

    /// <summary>JSON in bytes that a schema allows, but for what is wrong in it here and there.</summary>
    private string JsonOf(Random random, JsonElement given, int depth)
    {
        var schema = Resolve(given);
        if (schema.ValueKind != JsonValueKind.Object || depth > MaxDepth || random.Next(25) == 0)
        {
            return Pick(random, ["null", "0", "-1", "1.5", "true", "[]", "{}", "\"x\"", "1e400", "[[]]", Quote(Pick(random, Hostile))]);
        }

        if (schema.TryGetProperty("enum", out var values) && random.Next(4) != 0)
        {
            return Pick(random, values.EnumerateArray().ToArray()).GetRawText();
        }

        foreach (var choice in new[] { "oneOf", "anyOf", "allOf" })
        {
            if (schema.TryGetProperty(choice, out var choices))
            {
                return JsonOf(random, Pick(random, choices.EnumerateArray().ToArray()), depth + 1);
            }
        }

        return TypeOf(random, schema) switch
        {
            "object" => ObjectOf(random, schema, depth),
            "array" => "[" + string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ =>
                JsonOf(random, schema.TryGetProperty("items", out var items) ? items : default, depth + 1))) + "]",
            "integer" => Pick(random, ["0", "1", "-1", "5", "100", "2147483648", "9223372036854775808", "1.0"]),
            "number" => Pick(random, ["0", "0.5", "-1", "1e308"]),
            "boolean" => Pick(random, ["true", "false"]),
            "null" => "null",
            _ => StringOf(random, schema),
        };
    }

    private string ObjectOf(Random random, JsonElement schema, int depth)
    {
        var members = schema.TryGetProperty("properties", out var properties)
            ? properties.EnumerateObject().Where(_ => random.Next(6) != 0)
                .Select(property => $"\"{property.Name}\":{(known.TryGetValue(property.Name, out var value) && random.Next(2) == 0
                    ? Quote(value) : JsonOf(random, property.Value, depth + 1))}").ToList()
            : [];
        if (random.Next(12) == 0)
        {
            members.Add($"{Quote(Pick(random, Hostile))}:1");
        }

        return "{" + string.Join(',', members) + "}";
    }

    private static string StringOf(Random random, JsonElement schema)
    {
        var format = schema.TryGetProperty("format", out var named) ? named.GetString() : null;
        return Quote((format, random.Next(3)) switch
        {
            ("uuid", not 0) => Guid(random),
            ("date-time", not 0) => "2024-01-01T00:00:00Z",
            (_, 1) => Pick(random, ["linux-64", "conda", "pypi", "openssl", "1.1.1k", "member", "active", "cleared", "a@example.org"]),
            _ => Pick(random, Hostile),
        });
    }

    private static string TypeOf(Random random, JsonElement schema) =>
        !schema.TryGetProperty("type", out var type) ? (schema.TryGetProperty("properties", out _) ? "object" : "string")
        : type.ValueKind == JsonValueKind.Array ? Pick(random, type.EnumerateArray().ToArray()).GetString()! : type.GetString()!;

    private JsonElement Resolve(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("$ref", out var reference)
            ? reference.GetString()![2..].Split('/').Aggregate(document, (node, part) => node.GetProperty(part))
            : schema;

    /// <summary>Sometimes with the bytes as they are, which may be no UTF-8.</summary>
    private static string Quote(string bytes) =>
        "\"" + bytes.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\t", "\\t", StringComparison.Ordinal).Replace("\u0001", "\\u0000", StringComparison.Ordinal) + "\"";

    private static string Damage(Random random, string body)
    {
        var damaged = new StringBuilder(body);
        for (var times = 1 + random.Next(3); times > 0 && damaged.Length > 0; times--)
        {
            var at = random.Next(damaged.Length);
            switch (random.Next(3))
            {
                case 0:
                    damaged[at] = (char)random.Next(256);
                    break;
                case 1:
                    damaged.Remove(at, 1);
                    break;
                default:
                    damaged.Length = at;
                    break;
            }
        }

        return damaged.ToString();
    }

    private static string Pack(string body, string encoding)
    {
        using var packed = new MemoryStream();
        using (Stream packer = encoding switch
        {
            "br" => new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true),
            "deflate" => new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true),
            _ => new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true),
        })
        {
            packer.Write(Encoding.Latin1.GetBytes(body));
        }

        return Encoding.Latin1.GetString(packed.ToArray());
    }

    private static string Guid(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes).ToString();
    }

    private static string BytesOf(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return Encoding.Latin1.GetString(bytes);
    }

    [GeneratedRegex(@"\{(?<name>\w+)[^}]*\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"[\x00-\x20?#]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Unsendable();
}
