using System.Xml.Linq;

using Microsoft.AspNetCore.DataProtection.Repositories;

namespace EnvPlatform.Identity.Protection;

/// <summary>
/// The keys of data protection as <see cref="KeepKeys"/> last read them. The framework asks for them within a request and cannot wait, so
/// that they are in memory.
/// </summary>
internal sealed class KnownKeys : IXmlRepository
{
    private readonly Lock _gate = new();
    private readonly List<(string Name, XElement Xml)> _made = [];
    private List<XElement> _all = [];

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        lock (_gate)
        {
            return [.. _all.Select(key => new XElement(key))];
        }
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        lock (_gate)
        {
            _made.Add((friendlyName, element));
            _all = [.. _all, element];
        }
    }

    public void Replace(IEnumerable<string> keys)
    {
        var read = keys.Select(xml => XElement.Parse(xml)).ToList();
        lock (_gate)
        {
            _all = read;
        }
    }

    /// <summary>What was made and is not stored yet; each once.</summary>
    public List<(string Name, XElement Xml)> TakeMade()
    {
        lock (_gate)
        {
            List<(string, XElement)> made = [.. _made];
            _made.Clear();
            return made;
        }
    }
}
