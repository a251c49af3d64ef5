using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>A project of the solution; the classes of the namespace Projects are generated from the project references.</summary>
public interface IProjectMetadata : IResourceAnnotation
{
    string ProjectPath { get; }
}

/// <summary>The assembly that the build makes of a project. Only generated classes carry this.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ProjectOutputAttribute(string path) : Attribute
{
    public string Path { get; } = path;
}
