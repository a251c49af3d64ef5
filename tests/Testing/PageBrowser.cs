using System.Net;
using System.Text.RegularExpressions;

namespace EnvPlatform.Testing;

/// <summary>
/// A browser without a window: keeps cookies as browsers do (also secure ones, as on localhost), says where its requests come from, and
/// sends forms with the hidden fields of the page that it shows. It follows no redirect by itself.
/// </summary>
public sealed partial class PageBrowser(HttpClient client) : IDisposable
{
    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, string> Cookies => _cookies;

    /// <summary>The <c>Set-Cookie</c> headers of the last answer.</summary>
    public IReadOnlyList<string> SetCookies { get; private set; } = [];

    /// <summary>The HTML of the last answer.</summary>
    public string Html { get; private set; } = "";

    /// <summary>What people read: the text of the last answer.</summary>
    public string Text => WebUtility.HtmlDecode(Tags().Replace(Html, " "));

    public void SetCookie(string name, string value) => _cookies[name] = value;

    /// <summary>Another browser with the same cookies.</summary>
    public PageBrowser CopyTo(HttpClient other)
    {
        var copy = new PageBrowser(other) { Html = Html };
        foreach (var (name, value) in _cookies)
        {
            copy._cookies[name] = value;
        }

        return copy;
    }

    public Task<HttpResponseMessage> GetAsync(string path) => SendAsync(new(HttpMethod.Get, new Uri(path, UriKind.Relative)), "none");

    /// <summary>Sends a form of the page that is shown, with its hidden fields.</summary>
    /// <param name="site">Where the browser says that the form came from; null for one that does not say.</param>
    public Task<HttpResponseMessage> PostAsync(string path, string? site = "same-origin", params (string Name, string Value)[] fields)
    {
        var all = Hidden().Matches(Html)
            .ToLookup(match => match.Groups["name"].Value, match => WebUtility.HtmlDecode(match.Groups["value"].Value))
            .ToDictionary(pair => pair.Key, pair => pair.First(), StringComparer.Ordinal);
        foreach (var (name, value) in fields)
        {
            all[name] = value;
        }

        return SendAsync(new(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = new FormUrlEncodedContent(all) }, site);
    }

    public async Task SignInAsync(string email, string password, string path = "/sign-in")
    {
        using var page = await GetAsync(path);
        using var answer = await PostAsync("/sign-in", fields: [("email", email), ("password", password)]);
        NUnit.Framework.Assert.That(answer.StatusCode, NUnit.Framework.Is.EqualTo(HttpStatusCode.Redirect), Text);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? site)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (_cookies.Count > 0)
        {
            request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}")));
        }

        if (site is not null)
        {
            request.Headers.Add("Sec-Fetch-Site", site);
        }

        request.Headers.Add("Accept", "text/html,*/*;q=0.8");
        var response = await client.SendAsync(request);
        SetCookies = response.Headers.TryGetValues("Set-Cookie", out var set) ? [.. set] : [];
        foreach (var cookie in SetCookies)
        {
            var (name, value) = (cookie[..cookie.IndexOf('=', StringComparison.Ordinal)], cookie.Split(';')[0].Split('=', 2)[1]);
            if (value.Length == 0)
            {
                _cookies.Remove(name);
            }
            else
            {
                _cookies[name] = value;
            }
        }

        Html = await response.Content.ReadAsStringAsync();
        return response;
    }

    public void Dispose() => client.Dispose();

    [GeneratedRegex("""<input type="hidden" name="(?<name>[^"]*)" value="(?<value>[^"]*)"\s*/?>""", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex Hidden();

    [GeneratedRegex("<[^>]*>", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex Tags();
}
